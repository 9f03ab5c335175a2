import Logging
import RivuletBackbone
import RivuletPostgres
import RivuletSubscriptions
import TestSupport
import Testing

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
