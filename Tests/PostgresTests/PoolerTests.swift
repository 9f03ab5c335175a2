import Logging
import RivuletBackbone
import RivuletPostgres
import RivuletSubscriptions
import RivuletTesting
import TestSupport
import Testing

@Suite(.enabled(if: Pooler.isInstalled, "PgBouncer is not installed"), .timeLimit(.minutes(2))) struct PoolerTests {
    @Test("object store and event log, on two nodes behind a pooler", arguments: ObjectStoreConformance.all + EventLogConformance.all)
    func stores(_ check: ConformanceCheck<StoreFixture>) async throws {
        try await withPooler { database, pooler in
            try await check.run(on: StoreFixture(store: try await twoNodes(database, pooler), time: database.time))
        }
    }

    @Test("membership and directory, on two nodes behind a pooler", arguments: MembershipConformance.all + DirectoryConformance.all)
    func cluster(_ check: ConformanceCheck<ClusterFixture>) async throws {
        try await withPooler { database, pooler in
            try await check.run(on: try await database.fixture(for: try await twoNodes(database, pooler)))
        }
    }

    @Test("relay, on two nodes behind a pooler", arguments: RelayConformance.all)
    func relays(_ check: ConformanceCheck<RelayFixture>) async throws {
        try await withPooler { database, pooler in
            try await check.run(on: RelayFixture(relay: try await twoNodes(database, pooler)))
        }
    }

    @Test("a lock that others hold fails a commit in time, with nothing of it committed, and no session keeps the limit")
    func limits() async throws {
        try await withPooler { database, pooler in
            let store = try await database.open(through: pooler.port)
            let turns = Turns()
            try await store.open("Player")
            _ = try await store.commit([turns.turn(0)])
            try await database.withLocked(by: "SELECT 1 FROM rivulet.object_rows FOR UPDATE") {
                let error = await #expect(throws: StoreError.self) { _ = try await store.commit([turns.turn(1)]) }
                #expect(error?.message.contains("took too long") == true, "\(error?.message ?? "")")
            }
            #expect(try await store.commit([turns.turn(1)])[0].receipt?.firstSequence == 2)
            try await turns.expect(2, in: store)
            let limit = try await apart { [cluster = database.cluster, name = database.name] in
                try cluster.execute("SHOW statement_timeout", in: name, through: pooler.port)
            }
            #expect(limit == "0")
        }
    }

    @Test("behind a pooler of transactions, batches come though notifications do not, and that is said once")
    func relay() async throws {
        try await withPooler { database, pooler in
            let log = LogLines()
            let receiver = try await database.open(logger: Logger(label: "test") { _ in log }, through: pooler.port)
            let sender = try await database.open(through: pooler.port)
            var iterator = try await receiver.batches(for: "b").makeAsyncIterator()
            var number: UInt8 = 0
            func complaints() -> Int { log.lines.all.count { $0.contains("notifications do not come through") } }
            while complaints() == 0, number < 250 {
                try await sender.send([number], from: "a")
                #expect(try await iterator.next() == [number])
                number += 1
                try await Task.sleep(for: .milliseconds(50))
            }
            try await sender.send([255], from: "a")
            #expect(try await iterator.next() == [255])
            #expect(complaints() == 1)
        }
    }

    private func twoNodes(_ database: TestDatabase, _ pooler: Pooler) async throws -> SeveralNodes {
        SeveralNodes(try await database.open(through: pooler.port), try await database.open(through: pooler.port))
    }

    private func withPooler(_ body: (TestDatabase, Pooler) async throws -> Void) async throws {
        try await TestDatabase.with { database in
            let pooler = try await apart { try Pooler(before: database.cluster) }
            do {
                try await body(database, pooler)
            } catch {
                try await apart { pooler.end() }
                throw error
            }
            try await apart { pooler.end() }
        }
    }
}
