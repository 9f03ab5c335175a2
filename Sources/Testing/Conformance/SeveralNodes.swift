public import RivuletBackbone
public import RivuletSubscriptions
import Synchronization

/// Several backbones on one database as one, so that the conformance checks go across them: nodes are told from each other by their
/// names, and what no node does goes to one after the other, so that what one writes another reads.
public final class SeveralNodes: Membership, Directory, ObjectStore, EventLog, Relay {
    /// All five contracts.
    public typealias Backbone = any Membership & Directory & ObjectStore & EventLog & Relay

    private let backbones: [Backbone]
    private let turn = Mutex(0)

    /// At least one backbone.
    public init(_ first: Backbone, _ others: Backbone...) {
        backbones = [first] + others
    }

    private var next: Backbone {
        let number = turn.withLock { turn in
            turn += 1
            return turn
        }
        return backbones[number % backbones.count]
    }

    private func backbone(of node: String) -> Backbone {
        backbones[node.utf8.reduce(0) { $0 + Int($1) } % backbones.count]
    }

    /// Enters a node through its own backbone.
    public func join(_ node: NodeDescription, timeToLive: Duration) async throws(StoreError) -> NodeLease {
        try await backbone(of: node.name).join(node, timeToLive: timeToLive)
    }

    /// Renews the lease through the node's own backbone.
    public func renew(_ lease: NodeLease, status: NodeStatus) async throws(StoreError) -> Bool {
        try await backbone(of: lease.node).renew(lease, status: status)
    }

    /// Gives the lease up through the node's own backbone.
    public func leave(_ lease: NodeLease) async throws(StoreError) { try await backbone(of: lease.node).leave(lease) }

    /// What the next backbone says.
    public func members() async throws(StoreError) -> [ClusterMember] { try await next.members() }

    /// Claims through the node's own backbone.
    public func claim(_ object: ObjectID, for lease: NodeLease) async throws(StoreError) -> Ownership {
        try await backbone(of: lease.node).claim(object, for: lease)
    }

    /// What the next backbone says.
    public func claim(_ object: ObjectID, for node: String) async throws(StoreError) -> Ownership? {
        try await next.claim(object, for: node)
    }

    /// What the next backbone says.
    public func owner(of object: ObjectID) async throws(StoreError) -> Ownership? { try await next.owner(of: object) }

    /// Releases through the node's own backbone.
    public func release(_ object: ObjectID, _ ownership: Ownership) async throws(StoreError) {
        try await backbone(of: ownership.node).release(object, ownership)
    }

    /// What the next backbone says.
    public func load(_ object: ObjectID) async throws(StoreError) -> StoredObject { try await next.load(object) }

    /// Commits through the next backbone.
    public func commit(_ batch: [TurnCommit]) async throws(StoreError) -> [TurnOutcome] { try await next.commit(batch) }

    /// Opens the stream through the next backbone.
    @discardableResult
    public func open(_ stream: String) async throws(StoreError) -> StreamState { try await next.open(stream) }

    /// What the next backbone says.
    public func state(of stream: String) async throws(StoreError) -> StreamState? { try await next.state(of: stream) }

    /// Reads through the next backbone.
    public func read(_ request: EventRead) async throws(StoreError) -> EventPage { try await next.read(request) }

    /// What the next backbone says.
    public func heads() async throws(StoreError) -> [String: UInt64] { try await next.heads() }

    /// The next backbone's bell.
    public func doorbell() async throws(StoreError) -> BoundedChannel<Void> { try await next.doorbell() }

    /// Sends through the node's own backbone.
    public func send(_ frames: [UInt8], from node: String) async throws(StoreError) {
        try await backbone(of: node).send(frames, from: node)
    }

    /// Listens through the node's own backbone.
    public func batches(for node: String) async throws(StoreError) -> BoundedChannel<[UInt8]> {
        try await backbone(of: node).batches(for: node)
    }
}
