import RivuletBackbone
import RivuletSubscriptions
import Testing

@testable import RivuletSQLite

@Suite("Commits on the store's own executor", .timeLimit(.minutes(2)))
struct CommitExecutorTests {
    /// Commits 100 turns of an object, one after the other.
    private func commit(_ id: String, to store: SQLiteBackbone) async throws {
        for version in 0..<UInt64(100) {
            let event = NewEvent(subject: try Subject("evt.Player.\(id).Won"), payload: Array("\(version)".utf8))
            let turn = TurnCommit(
                object: ObjectID(kind: "Player", id: id), ownerEpoch: 0, expectedVersion: version, state: nil, events: [event])
            let outcomes = try await store.commit([turn])
            guard case .committed(let receipt) = outcomes.first else { throw StoreError(.unavailable, "\(outcomes)") }
            #expect(receipt.firstSequence > version)
        }
    }

    @Test("they and those from elsewhere wait for each other")
    func both() async throws {
        try await StoreDirectory.with { directory in
            let store = try await directory.open()
            try await store.open("Player")
            async let here: Void = withTaskExecutorPreference(store.commitExecutor) { try await commit("ann", to: store) }
            async let there: Void = commit("bob", to: store)
            _ = try await (here, there)
            #expect(try await store.heads() == ["Player": 200])
            #expect(try await store.load(ObjectID(kind: "Player", id: "ann")).version == 100)
            #expect(try await store.load(ObjectID(kind: "Player", id: "bob")).version == 100)
            try await store.close()
        }
    }

    @Test("they fail when the store was closed")
    func closed() async throws {
        try await StoreDirectory.with { directory in
            let store = try await directory.open()
            try await store.close()
            let error = await #expect(throws: StoreError.self) {
                try await withTaskExecutorPreference(store.commitExecutor) { try await commit("ann", to: store) }
            }
            #expect(error?.code == .closed)
        }
    }
}
