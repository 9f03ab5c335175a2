public import RivuletBackbone
import RivuletSubscriptions

/// A fresh store for one check of ``ObjectStoreConformance`` or ``EventLogConformance``.
public struct StoreFixture: Sendable {
    /// What stores states and streams together.
    public typealias Store = any ObjectStore & EventLog

    /// The store, with nothing in it.
    public var store: Store
    /// The same store as another node has it; for a store that only one node can have, the store itself.
    public var elsewhere: Store
    /// The time that the store runs on.
    public var time: ManualTime
    /// Closes the store and opens it again, as another process would; nil for a store that keeps nothing.
    public var reopen: (@Sendable () async throws -> Store)?

    /// A fixture.
    public init(
        store: Store, elsewhere: Store? = nil, time: ManualTime, reopen: (@Sendable () async throws -> Store)? = nil
    ) {
        self.store = store
        self.elsewhere = elsewhere ?? store
        self.time = time
        self.reopen = reopen
    }
}

extension StoreFixture {
    /// Commits one turn and returns its outcome.
    @discardableResult
    func commit(
        _ object: ObjectID, version: UInt64, epoch: UInt64 = 0, state: String? = nil, events: [String] = [], reply: StoredReply? = nil
    ) async throws -> TurnOutcome {
        try await commit([turn(object, version: version, epoch: epoch, state: state, events: events, reply: reply)])[0]
    }

    /// Commits a batch and checks that every turn has an outcome.
    @discardableResult
    func commit(_ batch: [TurnCommit]) async throws -> [TurnOutcome] {
        let outcomes = try await store.commit(batch)
        try expect("the number of outcomes", outcomes.count, is: batch.count)
        return outcomes
    }

    func turn(
        _ object: ObjectID, version: UInt64, epoch: UInt64 = 0, state: String? = nil, events: [String] = [], reply: StoredReply? = nil
    ) throws -> TurnCommit {
        TurnCommit(
            object: object, ownerEpoch: epoch, expectedVersion: version, state: state.map { Array($0.utf8) },
            events: try events.map { try event(object, $0) }, reply: reply)
    }

    func event(_ object: ObjectID, _ name: String) throws -> NewEvent {
        let tokens = ["evt", object.kind, object.id, name].map { SubjectToken.encode($0) }
        return NewEvent(subject: try Subject(tokens: tokens), payload: Array("{\"event\":\"\(name)\"}".utf8))
    }

    func expectState(of object: ObjectID, is state: String?, version: UInt64) async throws {
        let stored = try await store.load(object)
        try expect("the state of \(object)", stored.state.map { String(decoding: $0, as: UTF8.self) }, is: state)
        try expect("the version of \(object)", stored.version, is: version)
    }

    /// All events of the stream, read in one go.
    func events(of stream: String) async throws -> [StoredEvent] {
        let request = EventRead(stream: stream, from: 1, limit: .max, byteLimit: .max)
        return try await store.read(request).events
    }
}

extension TurnOutcome {
    @discardableResult
    func receipt() throws -> CommitReceipt {
        guard case .committed(let receipt) = self else { throw ConformanceFailure("a turn that meets its condition was fenced") }
        return receipt
    }

    func expectFenced(_ turn: String) throws {
        try expect(self == .fenced, "\(turn) should be fenced, and was committed")
    }
}
