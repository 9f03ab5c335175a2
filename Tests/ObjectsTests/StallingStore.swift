import RivuletBackbone
import RivuletSubscriptions

/// The in-memory store behind a gate: commits wait, or fail, as the test says, and so do reads of events.
actor StallingStore: ObjectStore, EventLog {
    private let store = InMemoryBackbone(time: SystemTime())
    private var isStalled = false
    private var failure: StoreError?
    private var losesOutcome = false
    private var readFailure: StoreError?
    private var isSilent = false
    private(set) var failedReads = 0
    private var beforeRead: @Sendable () -> Void = {}
    private var stallsLoads = false
    private var loadFailure: StoreError?
    private(set) var loads = 0
    private var waitingLoads: [CheckedContinuation<Void, Never>] = []
    /// How many turns the batches had that were committed.
    private(set) var batches: [Int] = []
    private var nextFailure: StoreError?
    private var commits: [CheckedContinuation<Void, Never>] = []
    private var arrivals: [CheckedContinuation<Void, Never>] = []

    func stall() {
        isStalled = true
    }

    /// Waits until a commit waits.
    func arrived() async {
        if !commits.isEmpty { return }
        await withCheckedContinuation { arrivals.append($0) }
    }

    func resume() {
        isStalled = false
        for commit in commits { commit.resume() }
        commits = []
    }

    /// Lets the waiting commits fail; later ones go through.
    func fail(_ error: StoreError) {
        failure = error
        resume()
    }

    /// Lets the commit after the one that waits fail.
    func failNext(_ error: StoreError) {
        nextFailure = error
    }

    /// Lets the next commit happen and its outcome be unknown.
    func loseOutcome() {
        losesOutcome = true
    }

    /// Lets reads of events fail from now on; nil lets them succeed again.
    func failReads(_ error: StoreError?) {
        readFailure = error
    }

    /// Does something before each read of events from now on.
    func beforeReads(_ action: @escaping @Sendable () -> Void) {
        beforeRead = action
    }

    /// Opens no doorbell that rings from now on.
    func silence() {
        isSilent = true
    }

    /// Lets loads wait from now on.
    func stallLoads() {
        stallsLoads = true
    }

    /// Lets the waiting loads fail, and all that come.
    func failLoads(_ error: StoreError) {
        stallsLoads = false
        loadFailure = error
        for load in waitingLoads { load.resume() }
        waitingLoads = []
    }

    func load(_ object: ObjectID) async throws(StoreError) -> StoredObject {
        loads += 1
        if stallsLoads { await withCheckedContinuation { waitingLoads.append($0) } }
        if let loadFailure { throw loadFailure }
        return try await store.load(object)
    }

    func commit(_ batch: [TurnCommit]) async throws(StoreError) -> [TurnOutcome] {
        if isStalled {
            await withCheckedContinuation { continuation in
                commits.append(continuation)
                for arrival in arrivals { arrival.resume() }
                arrivals = []
            }
        }
        if let failure {
            self.failure = nil
            throw failure
        }
        (failure, nextFailure) = (nextFailure, nil)
        let outcomes = try await store.commit(batch)
        batches.append(batch.count)
        guard losesOutcome else { return outcomes }
        losesOutcome = false
        throw StoreError(.unknownOutcome, "the connection was lost")
    }

    func open(_ stream: String) async throws(StoreError) -> StreamState {
        try await store.open(stream)
    }

    func heads() async throws(StoreError) -> [String: UInt64] {
        try await store.heads()
    }

    func doorbell() async throws(StoreError) -> BoundedChannel<Void> {
        if isSilent { return BoundedChannel(capacity: 1, whenFull: .dropNewest) }
        return try await store.doorbell()
    }

    func state(of stream: String) async throws(StoreError) -> StreamState? {
        try await store.state(of: stream)
    }

    func read(_ request: EventRead) async throws(StoreError) -> EventPage {
        if let readFailure {
            failedReads += 1
            throw readFailure
        }
        beforeRead()
        return try await store.read(request)
    }
}
