import GRDB
import RivuletBackbone
import RivuletSQLite
import RivuletSubscriptions
import Testing

@Suite("Processes that share a SQLite file", .timeLimit(.minutes(3)))
struct SQLiteProcessTests {
    private static let turns = 300

    @Test("what several processes are told is committed is there, once and in order, though one is killed at it")
    func severalProcesses() async throws {
        try await StoreDirectory.with { directory in
            try await directory.withNodes(1) { nodes in
                try await nodes[0].open("Player")
                let rings = try await nodes[0].doorbell()
                let names = ["a", "b", "c"]
                let writers = try names.map { name in
                    try WriterProcess(store: directory.file, name: name, turns: name == "c" ? 1_000_000 : UInt64(Self.turns))
                }
                async let followed = Self.follow(nodes[0], rings, until: ["a", "b"])
                async let (a, b, c) = (writers[0].run(), writers[1].run(), writers[2].run(killedAfter: Self.turns / 3))
                let ended = await [a, b, c]
                #expect(ended[0].status == 0 && ended[1].status == 0 && ended[2].status != 0)
                #expect(ended[0].acknowledged.count == Self.turns && ended[1].acknowledged.count == Self.turns)
                #expect(ended[2].acknowledged.count >= Self.turns / 3)

                let events = try await nodes[0].read(EventRead(stream: "Player", from: 1, limit: .max, byteLimit: .max)).events
                #expect(events.map(\.sequence) == Array(1...UInt64(max(1, events.count))))
                for turn in ended.flatMap(\.acknowledged) {
                    for sequence in turn.first..<turn.first + turn.count {
                        #expect(events[Int(sequence) - 1].subject.description == "evt.Player.\(turn.name).Won")
                    }
                }
                for (name, writer) in zip(names, ended) {
                    let stored = try await nodes[0].load(ObjectID(kind: "Player", id: name))
                    // A turn whose answer was not heard any more may be there.
                    let extra = stored.version - UInt64(writer.acknowledged.count)
                    #expect(name == "c" ? extra <= 1 : extra == 0)
                    let payloads = events.filter { $0.subject.description == "evt.Player.\(name).Won" }.map {
                        String(decoding: $0.payload, as: UTF8.self)
                    }
                    #expect(payloads == (0..<stored.version).flatMap { version in (0...version % 3).map { "\(version * 10 + $0)" } })
                }
                let heard = try await followed
                #expect(heard == Array(events.prefix(heard.count)))
            }
            let database = try DatabaseQueue(path: directory.file)
            #expect(try await database.read { try String.fetchAll($0, sql: "PRAGMA integrity_check") } == ["ok"])
            try database.close()
        }
    }

    /// Reads on whenever the bell rings, until the last events of the objects are there.
    private static func follow(
        _ store: SQLiteBackbone, _ rings: BoundedChannel<Void>, until ids: Set<String>
    ) async throws -> [StoredEvent] {
        let last = UInt64(turns - 1)
        let payload = Array("\(last * 10 + last % 3)".utf8)
        var (events, missing): ([StoredEvent], Set<String>) = ([], Set(ids.map { "evt.Player.\($0).Won" }))
        for try await _ in rings {
            let page = try await store.read(EventRead(stream: "Player", from: UInt64(events.count) + 1, limit: .max, byteLimit: .max))
            events += page.events
            for event in page.events where event.payload == payload { missing.remove(event.subject.description) }
            if missing.isEmpty { break }
        }
        return events
    }
}
