import Logging
import RivuletBackbone
import RivuletSubscriptions
import TestSupport
import Testing

@testable import RivuletPostgres

@Suite("Relay through PostgreSQL", .timeLimit(.minutes(2)))
struct RelayTests {
    @Test("bells that now and then come later than a look do not count as a pooler")
    func lateBells() async throws {
        try await TestDatabase.with { database in
            let log = LogLines()
            let receiver = try await database.open(logger: Logger(label: "test") { _ in log })
            let sender = try await database.open()
            var batches = try await receiver.batches(for: "b").makeAsyncIterator()
            for _ in 0..<6 {
                try await database.execute("SELECT rivulet.relay_send('a', '\\x00', 'epoch')")
                #expect(try await batches.next() == [0])
                for number in UInt8(1)...4 {
                    try await sender.send([number], from: "a")
                    #expect(try await batches.next() == [number])
                }
            }
            #expect(log.lines.all.filter { $0.contains("notifications do not come through") } == [])
        }
    }

    /// Batches of a megabyte each, in one step.
    private func send(_ count: Int, _ database: TestDatabase) async throws {
        try await database.execute(
            """
            SELECT rivulet.relay_send('a', convert_to(chr(n) || repeat('x', 1048575), 'UTF8'), 'epoch') FROM generate_series(1, \(count)) n
            """)
    }

    @Test("a page of batches has a limit of bytes, but holds at least one")
    func pages() async throws {
        try await TestDatabase.with { database in
            _ = try await database.open()
            try await send(10, database)
            try await database.execute("UPDATE rivulet.relay_rows SET frames = decode(repeat('00', 5 << 20), 'hex') WHERE number = 8")
            let configuration = try database.configuration
            try await apart {
                let (connection, page) = (try ServerConnection(configuration.url), RelayReader.page(try Schema("rivulet")))
                func read(after number: Int64, for node: String) throws -> [Int64] {
                    var parameters = Parameters()
                    parameters.add("epoch")
                    parameters.add(number)
                    parameters.add(node)
                    let rows = try connection.run(page, parameters, until: Deadline(in: .seconds(30)))
                    return (0..<rows.count).map { rows.int64($0, 2) }
                }
                #expect(try read(after: 0, for: "b") == [1, 2, 3, 4])
                #expect(try read(after: 7, for: "b") == [8])
                #expect(try read(after: 8, for: "b") == [9, 10])
                #expect(try read(after: 0, for: "a") == Array(1...10))
            }
        }
    }

    @Test("batches that are more than a page come all, in their order")
    func manyPages() async throws {
        try await TestDatabase.with { database in
            let receiver = try await database.open { $0.timeout = .seconds(60) }
            var batches = try await receiver.batches(for: "b").makeAsyncIterator()
            try await send(10, database)
            for number in UInt8(1)...10 {
                let batch = try await batches.next()
                #expect(batch?.first == number && batch?.count == 1 << 20)
            }
        }
    }

    @Test("batches that were sent before the clock was set back are dropped")
    func clockSetBack() async throws {
        try await TestDatabase.with { database in
            _ = try await database.open()
            let kept = try await database.execute(
                """
                SELECT rivulet.relay_send('a', 'x', 'epoch') FROM generate_series(1, 3);
                UPDATE rivulet.relay_rows SET sent = sent + interval '1 hour' WHERE number < 3;
                SELECT rivulet.relay_drop('10 s');
                SELECT number FROM rivulet.relay_rows;
                """)
            #expect(kept == "3")
        }
    }
}
