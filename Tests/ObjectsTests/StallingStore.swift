import RivuletBackbone
import RivuletSubscriptions

/// The in-memory store behind a gate: commits wait, or fail, as the test says.
actor StallingStore: ObjectStore, EventLog {
    private let store = InMemoryBackbone(time: SystemTime())
    private var isStalled = false
    private var failure: StoreError?
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

    func load(_ object: ObjectID) async throws(StoreError) -> StoredObject {
        try await store.load(object)
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
        return try await store.commit(batch)
    }

    func open(_ stream: String) async throws(StoreError) -> StreamState {
        try await store.open(stream)
    }

    func heads() async throws(StoreError) -> [String: UInt64] {
        try await store.heads()
    }

    func doorbell() async throws(StoreError) -> BoundedChannel<Void> {
        try await store.doorbell()
    }

    func state(of stream: String) async throws(StoreError) -> StreamState? {
        try await store.state(of: stream)
    }

    func read(_ request: EventRead) async throws(StoreError) -> EventPage {
        try await store.read(request)
    }
}
