/// Which of the cluster's nodes runs an object, as its host sees it.
public protocol ObjectOwnership: Sendable {
    /// Whether this node may serve at all: it has not lost its place in the cluster.
    var isServing: Bool { get }

    /// Where the ownership hands messages back that turned out to be for this node after all, from when the host takes calls.
    func handBack(to receive: @escaping @Sendable (BusMessage) -> Void)

    /// The node that is known to have the object, if it is another. It may be wrong by now, and then says so itself.
    func knownOwner(of object: ObjectID) -> String?

    /// Takes the object for this node if nobody has it, and says who does. Its state is loaded only after that.
    ///
    /// - Throws: ``CallError`` when it cannot be told.
    func claim(_ object: ObjectID) async throws(CallError) -> ObjectClaim

    /// Gives the object up, after its last turn.
    func release(_ object: ObjectID, epoch: UInt64) async

    /// Has another node handle a message for an object that it owns; the answer goes to the message's reply subject. Messages for one
    /// node keep their order. One that surely was not handled there is tried again for a while.
    func forward(_ message: BusMessage, for object: ObjectID, to node: String)
}

/// Who runs an object.
public enum ObjectClaim: Sendable, Hashable {
    /// This node: commits under another epoch are fenced. Nil where there are no other nodes: the stored epoch stays.
    case here(epoch: UInt64?)
    /// Another node.
    case elsewhere(node: String)
}

/// Of a node that shares its store with nobody: everything is its own.
struct SoleOwnership: ObjectOwnership {
    var isServing: Bool { true }
    func handBack(to receive: @escaping @Sendable (BusMessage) -> Void) {}
    func knownOwner(of object: ObjectID) -> String? { nil }
    func claim(_ object: ObjectID) async throws(CallError) -> ObjectClaim { .here(epoch: nil) }
    func release(_ object: ObjectID, epoch: UInt64) async {}
    func forward(_ message: BusMessage, for object: ObjectID, to node: String) {}
}
