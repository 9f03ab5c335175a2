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
            let nodes = SeveralNodes(try await database.open(through: pooler.port), try await database.open(through: pooler.port))
            try await check.run(on: StoreFixture(store: nodes, time: database.time))
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

    private func withPooler(_ body: (TestDatabase, Pooler) async throws -> Void) async throws {
        try await TestDatabase.with { database in
            let pooler = try Pooler(before: database.cluster)
            defer { pooler.end() }
            try await body(database, pooler)
        }
    }
}
