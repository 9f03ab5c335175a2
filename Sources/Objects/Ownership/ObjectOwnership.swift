/// Which of the cluster's nodes runs an object, as its host sees it.
public protocol ObjectOwnership: Sendable {
    /// Whether this node may serve at all: it has not lost its place in the cluster.
    var isServing: Bool { get }

    /// The kinds that the cluster's nodes host, or have hosted, as far as this one knows; empty where there are no other nodes.
    var kinds: Set<String> { get }

    /// Whether there can be other nodes, so that calls are to be taken for them too.
    var hasOtherNodes: Bool { get }

    /// The host takes calls from now on.
    ///
    /// - Parameters:
    ///   - receive: Gets messages that turned out to be for this node after all.
    ///   - activeCount: How many objects are active.
    func begin(handingBackTo receive: @escaping @Sendable (BusMessage) -> Void, activeCount: @escaping @Sendable () -> Int)

    /// The node that is known to have the object, if it is another. It may be wrong by now, and then says so itself.
    func knownOwner(of object: ObjectID) -> String?

    /// Whether messages for the object wait until it is found out who has it. Those that come meanwhile must not overtake them, and go the
    /// same way: ``forward(_:for:)``. Of what is handed back none waits any more.
    func isLookedFor(_ object: ObjectID) -> Bool

    /// Takes the object for this node if nobody has it and it is to be here, and otherwise says where it is, or is to be. Its state is
    /// loaded only after that.
    ///
    /// - Parameter isHandedOn: Whether another node has handed a message for the object on to this one.
    /// - Returns: Nil when that node has to look again.
    /// - Throws: ``CallError`` when it cannot be told.
    func claim(_ object: ObjectID, isHandedOn: Bool) async throws(CallError) -> ObjectClaim?

    /// Gives the object up, after its last turn.
    func release(_ object: ObjectID, epoch: UInt64) async

    /// Gives no more objects up one by one, since the node leaves, and with that all of them.
    func endReleasing()

    /// Has another node handle a message for an object that it owns; the answer goes to the message's reply subject. Messages for one
    /// node keep their order. One that surely was not handled there is tried again for a while.
    func forward(_ message: BusMessage, for object: ObjectID, to node: String)

    /// Has some other node handle a message for an object whose kind this one does not host. Messages for one object keep their order.
    func forward(_ message: BusMessage, for object: ObjectID)
}

/// Who runs an object.
public enum ObjectClaim: Sendable, Hashable {
    /// This node: commits under another epoch are fenced. Nil where there are no other nodes: the stored epoch stays.
    case here(epoch: UInt64?)
    /// Another node, or it is the one that has to take it.
    case elsewhere(node: String)
}

/// Of a node that shares its store with nobody: everything is its own.
struct SoleOwnership: ObjectOwnership {
    var isServing: Bool { true }
    var kinds: Set<String> { [] }
    var hasOtherNodes: Bool { false }
    func begin(handingBackTo receive: @escaping @Sendable (BusMessage) -> Void, activeCount: @escaping @Sendable () -> Int) {}
    func knownOwner(of object: ObjectID) -> String? { nil }
    func isLookedFor(_ object: ObjectID) -> Bool { false }
    func claim(_ object: ObjectID, isHandedOn: Bool) async throws(CallError) -> ObjectClaim? { .here(epoch: nil) }
    func release(_ object: ObjectID, epoch: UInt64) async {}
    func endReleasing() {}
    func forward(_ message: BusMessage, for object: ObjectID, to node: String) {}
    func forward(_ message: BusMessage, for object: ObjectID) {}
}
