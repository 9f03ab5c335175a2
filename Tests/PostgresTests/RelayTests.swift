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
}
