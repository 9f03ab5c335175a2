import RivuletBackbone
import RivuletSQLite
import RivuletTesting
import Synchronization
import Testing

@Suite("SQLite backbone keeps the contracts", .timeLimit(.minutes(2)))
struct SQLiteConformanceTests {
    @Test("object store", arguments: ObjectStoreConformance.all)
    func objectStore(_ check: ConformanceCheck<StoreFixture>) async throws {
        try await run(check)
    }

    @Test("event log", arguments: EventLogConformance.all)
    func eventLog(_ check: ConformanceCheck<StoreFixture>) async throws {
        try await run(check)
    }

    private func run(_ check: ConformanceCheck<StoreFixture>) async throws {
        try await StoreDirectory.with { directory in
            let current = Current(try await directory.open())
            let fixture = StoreFixture(store: current.store, time: directory.time) {
                try await current.store.close()
                current.store = try await directory.open()
                return current.store
            }
            try await check.run(on: fixture)
            try await current.store.close()
        }
    }

    private final class Current: Sendable {
        private let held: Mutex<SQLiteBackbone>

        init(_ store: SQLiteBackbone) { held = Mutex(store) }

        var store: SQLiteBackbone {
            get { held.withLock { $0 } }
            set { held.withLock { $0 = newValue } }
        }
    }
}
