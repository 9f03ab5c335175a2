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

    /// The database's clock stands, but for what a check lets pass.
    @Test("membership and directory, on three nodes", arguments: MembershipConformance.all + DirectoryConformance.all)
    func cluster(_ check: ConformanceCheck<ClusterFixture>) async throws {
        try await TestDatabase.with { database in
            let nodes = try await threeNodes(database)
            try await database.execute(
                """
                CREATE TABLE test_clock AS SELECT now() AS moment;
                CREATE OR REPLACE FUNCTION rivulet.moment() RETURNS timestamptz LANGUAGE sql VOLATILE AS 'SELECT moment FROM test_clock';
                """)
            let fixture = ClusterFixture(backbone: nodes) { duration in
                let milliseconds = Int(duration / .milliseconds(1))
                try await database.execute("UPDATE test_clock SET moment = moment + \(milliseconds) * interval '1 millisecond'")
            }
            try await check.run(on: fixture)
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
