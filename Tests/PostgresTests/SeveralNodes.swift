import RivuletBackbone
import RivuletPostgres
import RivuletSubscriptions
import Synchronization

/// Several backbones on one database, behind which nodes are told from each other by their names; what no node does goes to one after the
/// other, so that what one writes another reads.
final class SeveralNodes: Membership, Directory, ObjectStore, EventLog, Relay {
    private let backbones: [PostgresBackbone]
    private let turn = Mutex(0)

    init(_ backbones: [PostgresBackbone]) {
        self.backbones = backbones
    }

    private var next: PostgresBackbone {
        let number = turn.withLock { turn in
            turn += 1
            return turn
        }
        return backbones[number % backbones.count]
    }

    private func backbone(of node: String) -> PostgresBackbone {
        backbones[node.utf8.reduce(0) { $0 + Int($1) } % backbones.count]
    }

    func join(_ node: NodeDescription, timeToLive: Duration) async throws(StoreError) -> NodeLease {
        try await backbone(of: node.name).join(node, timeToLive: timeToLive)
    }

    func renew(_ lease: NodeLease) async throws(StoreError) -> Bool { try await backbone(of: lease.node).renew(lease) }

    func leave(_ lease: NodeLease) async throws(StoreError) { try await backbone(of: lease.node).leave(lease) }

    func members() async throws(StoreError) -> [NodeDescription] { try await next.members() }

    func claim(_ object: ObjectID, for lease: NodeLease) async throws(StoreError) -> Ownership {
        try await backbone(of: lease.node).claim(object, for: lease)
    }

    func owner(of object: ObjectID) async throws(StoreError) -> Ownership? { try await next.owner(of: object) }

    func release(_ object: ObjectID, _ ownership: Ownership) async throws(StoreError) {
        try await backbone(of: ownership.node).release(object, ownership)
    }

    func load(_ object: ObjectID) async throws(StoreError) -> StoredObject { try await next.load(object) }

    func commit(_ batch: [TurnCommit]) async throws(StoreError) -> [TurnOutcome] { try await next.commit(batch) }

    @discardableResult
    func open(_ stream: String) async throws(StoreError) -> StreamState { try await next.open(stream) }

    func state(of stream: String) async throws(StoreError) -> StreamState? { try await next.state(of: stream) }

    func read(_ request: EventRead) async throws(StoreError) -> EventPage { try await next.read(request) }

    func heads() async throws(StoreError) -> [String: UInt64] { try await next.heads() }

    func doorbell() async throws(StoreError) -> BoundedChannel<Void> { try await next.doorbell() }

    func send(_ frames: [UInt8], from node: String) async throws(StoreError) { try await backbone(of: node).send(frames, from: node) }

    func batches(for node: String) async throws(StoreError) -> BoundedChannel<[UInt8]> {
        try await backbone(of: node).batches(for: node)
    }
}
