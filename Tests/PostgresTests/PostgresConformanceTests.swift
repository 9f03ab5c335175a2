import RivuletBackbone
import RivuletPostgres
import RivuletSubscriptions
import RivuletTesting
import Testing

@Suite("PostgreSQL backbone keeps the contracts", .timeLimit(.minutes(5)))
struct PostgresConformanceTests {
    @Test("object store and event log, on one node", arguments: ObjectStoreConformance.all + EventLogConformance.all)
    func oneNode(_ check: ConformanceCheck<StoreFixture>) async throws {
        try await TestDatabase.with { database in
            let store = try await database.open()
            try await check.run(
                on: StoreFixture(store: store, time: database.time) {
                    await store.close()
                    return try await database.open()
                })
        }
    }

    @Test("object store and event log, on three nodes", arguments: ObjectStoreConformance.all + EventLogConformance.all)
    func threeNodes(_ check: ConformanceCheck<StoreFixture>) async throws {
        try await TestDatabase.with { database in
            try await check.run(on: StoreFixture(store: try await threeNodes(database), time: database.time))
        }
    }

    @Test("membership and directory, on three nodes", arguments: MembershipConformance.all + DirectoryConformance.all)
    func cluster(_ check: ConformanceCheck<ClusterFixture>) async throws {
        try await TestDatabase.with { database in
            try await check.run(on: try await database.fixture(for: try await threeNodes(database)))
            #expect(try await database.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = '\(database.name)'") == "0")
        }
    }

    @Test("relay, on one node and on three", arguments: RelayConformance.all, [1, 3])
    func relay(_ check: ConformanceCheck<RelayFixture>, nodes: Int) async throws {
        try await TestDatabase.with { database in
            let relay: any Relay = nodes == 1 ? try await database.open() : try await threeNodes(database)
            try await check.run(on: RelayFixture(relay: relay))
        }
    }

    private func threeNodes(_ database: TestDatabase) async throws -> SeveralNodes {
        SeveralNodes(try await database.open(), try await database.open(), try await database.open())
    }
}
