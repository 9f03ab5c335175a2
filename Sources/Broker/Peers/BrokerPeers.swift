public import RivuletSubscriptions

/// The other nodes of a cluster, as a broker sees them: what brings bytes to all of them, and is told what they should know.
///
/// What the others want, and the bytes they send, come back through ``Broker/change(_:adding:removing:)`` and
/// ``PeerReceiver/deliver(_:)``.
public protocol BrokerPeers: AnyObject, Sendable {
    /// Somebody on this node begins (1) or ceases (-1) to subscribe. Called under a lock: note it and return, call nothing of the broker.
    func count(_ wanted: SubscribedPattern, by change: Int)

    /// Takes messages for all other nodes, in the order of the calls, from any thread. Never waits.
    ///
    /// - Parameters:
    ///   - messages: How many they are.
    ///   - write: Appends them.
    func append(messages: Int, _ write: (inout [UInt8]) -> Void) -> PeerAcceptance

    /// Whether so much waits that publishers should pause.
    var isCongested: Bool { get }
}

/// What became of messages for other nodes.
public enum PeerAcceptance: Sendable, Hashable {
    /// They will be sent.
    case taken
    /// They will be sent, and publishers should pause.
    case congested
    /// Too much waits: they are dropped.
    case dropped
}

/// What somebody subscribes to: a pattern, alone or in a queue group.
public struct SubscribedPattern: Hashable, Sendable {
    /// Which subjects.
    public var pattern: SubjectPattern
    /// The queue group; nil for none.
    public var queue: String?

    /// A pattern, alone or in a queue group.
    public init(_ pattern: SubjectPattern, queue: String? = nil) {
        self.pattern = pattern
        self.queue = queue
    }
}
