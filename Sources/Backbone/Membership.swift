/// Which nodes there are: leases that must be renewed, on the store's clock.
public protocol Membership: Sendable {
    /// Enters a node and grants it a lease of `timeToLive`.
    ///
    /// - Throws: ``StoreError``.
    func join(_ node: NodeDescription, timeToLive: Duration) async throws(StoreError) -> NodeLease

    /// Renews the lease, and tells how the node is now.
    ///
    /// - Returns: False when it had ended already: the node has lost everything it owned and must join anew.
    /// - Throws: ``StoreError``.
    func renew(_ lease: NodeLease, status: NodeStatus) async throws(StoreError) -> Bool

    /// Gives the lease up.
    ///
    /// - Throws: ``StoreError``.
    func leave(_ lease: NodeLease) async throws(StoreError)

    /// The nodes whose leases have not ended, by name.
    ///
    /// - Throws: ``StoreError``.
    func members() async throws(StoreError) -> [ClusterMember]
}

/// A node whose lease has not ended.
public struct ClusterMember: Hashable, Sendable {
    /// The node, as it was when it last joined or renewed.
    public var node: NodeDescription
    /// For how long its lease is granted each time.
    public var timeToLive: Duration
    /// How much of that is left, on the store's clock.
    public var remaining: Duration

    /// A member.
    public init(node: NodeDescription, timeToLive: Duration, remaining: Duration) {
        self.node = node
        self.timeToLive = timeToLive
        self.remaining = remaining
    }

    /// How long ago it gave a sign of life, on the store's clock.
    public var silence: Duration { timeToLive - remaining }
}

/// What others need to know of a node.
public struct NodeDescription: Hashable, Sendable {
    /// Unique per process start.
    public var name: String
    /// Where its broker listens, `host:port`.
    public var address: String
    /// What other nodes say to be let in by its broker.
    public var secret: NodeSecret
    /// How it is, which changes while it lives.
    public var status: NodeStatus

    /// A node.
    public init(name: String, address: String, secret: NodeSecret = NodeSecret(""), status: NodeStatus = NodeStatus()) {
        self.name = name
        self.address = address
        self.secret = secret
        self.status = status
    }
}

/// A node's claim to be alive.
public struct NodeLease: Hashable, Sendable {
    /// The node.
    public var node: String
    /// Which grant it is; a node that joins again gets another.
    public var number: UInt64

    /// A lease.
    public init(node: String, number: UInt64) {
        self.node = node
        self.number = number
    }
}
