import RivuletBackbone
import RivuletSubscriptions

extension ObjectStoreConformance {
    private static let ann = ObjectID(kind: "Player", id: "ann")

    private static func record(_ id: String, _ payload: [UInt8], _ fixture: StoreFixture, for duration: Duration) -> StoredReply {
        StoredReply(messageID: id, payload: payload, expires: fixture.time.steadyTime.advanced(by: duration))
    }

    // MARK: Idempotency records

    static let records: [ConformanceCheck<StoreFixture>] = [
        ConformanceCheck("records are kept with the object until they expire") { fixture in
            let (short, long) = (record("s", [1], fixture, for: .seconds(10)), record("l", [2], fixture, for: .seconds(20)))
            try await fixture.commit([
                try fixture.turn(ann, version: 0, reply: short), try fixture.turn(ann, version: 1, reply: long),
            ])
            try expect("the records", Set(try await fixture.store.load(ann).replies), is: [short, long])
            fixture.time.advance(by: .seconds(10))
            try expect("the records", try await fixture.store.load(ann).replies, is: [long])
            try await fixture.commit(ann, version: 2).receipt()
            try expect("the records", try await fixture.store.load(ann).replies, is: [long])
            fixture.time.advance(by: .seconds(10))
            try expect("the records", try await fixture.store.load(ann).replies, is: [])
        },
        ConformanceCheck("a record replaces the one with the same id, and only of the same object") { fixture in
            let bob = ObjectID(kind: "Player", id: "bob")
            let (old, new) = (record("m", [1], fixture, for: .seconds(10)), record("m", [2], fixture, for: .seconds(20)))
            try await fixture.commit([try fixture.turn(ann, version: 0, reply: old), try fixture.turn(bob, version: 0, reply: old)])
            try await fixture.commit(ann, version: 1, reply: new).receipt()
            try expect("ann's records", try await fixture.store.load(ann).replies, is: [new])
            try expect("bob's records", try await fixture.store.load(bob).replies, is: [old])
        },
        ConformanceCheck("ids and payloads of records come back as they were") { fixture in
            let payloads: [[UInt8]] = [[], [0], [0xFF, 0xFE], Array(0...255), Array("{\"a\":\"é\"}".utf8)]
            let ids = ["", "a\u{0}b", "a", "é🂡", String(repeating: "x", count: 5000)]
            let replies = zip(ids, payloads).map { record($0, $1, fixture, for: .seconds(10)) }
            try await fixture.commit(try replies.enumerated().map { try fixture.turn(ann, version: UInt64($0), reply: $1) })
            try expect("the records", Set(try await fixture.store.load(ann).replies), is: Set(replies))
        },
        ConformanceCheck("records outlive a jump of the wall clock") { fixture in
            let reply = record("m", [1], fixture, for: .seconds(10))
            try await fixture.commit(ann, version: 0, reply: reply).receipt()
            for hours in [1, -2] {
                fixture.time.jumpWall(to: fixture.time.wallTime.advanced(by: .seconds(3600 * hours)))
                try await fixture.commit(ann, version: hours > 0 ? 1 : 2).receipt()
                try expect("the records", try await fixture.store.load(ann).replies, is: [reply])
            }
            fixture.time.advance(by: .seconds(10))
            try expect("the records", try await fixture.store.load(ann).replies, is: [])
        },
        ConformanceCheck("many expired records do not harm later commits") { fixture in
            let replies = (0..<300).map { record("\($0)", [], fixture, for: .seconds(1)) }
            try await fixture.commit(try replies.enumerated().map { try fixture.turn(ann, version: UInt64($0), reply: $1) })
            fixture.time.advance(by: .seconds(1))
            for version: UInt64 in 300..<330 { try await fixture.commit(ann, version: version, state: "\(version)").receipt() }
            try expect("the records", try await fixture.store.load(ann).replies, is: [])
            try await fixture.expectState(of: ann, is: "329", version: 330)
        },
    ]

    // MARK: All or nothing

    static let whole: [ConformanceCheck<StoreFixture>] = [
        ConformanceCheck("payloads and states come back byte for byte") { fixture in
            try await fixture.store.open("Player")
            let texts = ["{}", "\"\\u0000\"", "\"é 🂡 \\\" \"", "[" + String(repeating: "1,", count: 50_000) + "1]"]
            for (version, text) in texts.enumerated() {
                var turn = try fixture.turn(ann, version: UInt64(version), state: text, events: ["E"])
                turn.events[0].payload = Array(text.utf8)
                try await fixture.commit([turn])
                try await fixture.expectState(of: ann, is: text, version: UInt64(version) + 1)
            }
            let payloads = try await fixture.events(of: "Player").map { String(decoding: $0.payload, as: UTF8.self) }
            try expect("the payloads", payloads, is: texts)
        },
        ConformanceCheck("many committers at once lose and duplicate nothing") { fixture in
            try await fixture.store.open("Player")
            try await fixture.store.open("Table")
            let shared = ObjectID(kind: "Table", id: "shared")
            try await withThrowingTaskGroup(of: Void.self) { group in
                for committer in 0..<16 {
                    group.addTask { try await commitAlongside(committer, shared, fixture) }
                }
                try await group.waitForAll()
            }
            try await fixture.expectState(of: shared, is: "160", version: 160)
            let (own, common) = (try await fixture.events(of: "Player"), try await fixture.events(of: "Table"))
            try expect("the numbers", own.map(\.sequence), is: Array(1...160))
            try expect("the numbers", common.map(\.sequence), is: Array(1...160))
            try expect("the links of the shared object", common.map(\.previous), is: Array(0...159))
        },
        ConformanceCheck("a commit in a cancelled task is whole or nothing") { fixture in
            try await fixture.store.open("Player")
            let outcomes = await withTaskGroup(of: [TurnOutcome]?.self) { group in
                group.addTask {
                    try? await fixture.commit([
                        try fixture.turn(ann, version: 0, state: "1", events: ["A"]),
                        try fixture.turn(ann, version: 1, state: "2", events: ["B"]),
                    ])
                }
                group.cancelAll()
                return await group.next() ?? nil
            }
            let committed = try await fixture.store.load(ann).version
            try expect("the version", committed, is: outcomes == nil ? 0 : 2)
            try expect("the stream's end", try await fixture.store.state(of: "Player")?.last, is: committed)
        },
        ConformanceCheck("what was committed is there when the store is opened again") { fixture in
            guard let reopen = fixture.reopen else { return }
            let stream = try await fixture.store.open("Player")
            let reply = record("m", [1, 2], fixture, for: .seconds(60))
            try await fixture.commit(ann, version: 0, state: "{\"chips\":5}", events: ["A", "B"], reply: reply).receipt()
            let (stored, events) = (try await fixture.store.load(ann), try await fixture.events(of: "Player"))

            var again = fixture
            again.store = try await reopen()
            try expect("what is stored", try await again.store.load(ann), is: stored)
            try expect("the events", try await again.events(of: "Player"), is: events)
            let state = try await again.store.open("Player")
            try expect("the stream", state, is: StreamState(epoch: stream.epoch, first: 1, last: 2))
            let receipt = try await again.commit(ann, version: 1, events: ["C"]).receipt()
            try expect("the next numbers", [receipt.firstSequence, receipt.previousSequence], is: [3, 2])
        },
    ]

    /// Ten turns on an object of its own and ten on the shared one, each tried until nobody else was faster.
    private static func commitAlongside(_ committer: Int, _ shared: ObjectID, _ fixture: StoreFixture) async throws {
        let own = ObjectID(kind: "Player", id: "\(committer)")
        for round: UInt64 in 0..<10 {
            try await fixture.commit(own, version: round, state: "\(round)", events: ["E"]).receipt()
            while true {
                let version = try await fixture.store.load(shared).version
                let outcome = try await fixture.commit(shared, version: version, state: "\(version + 1)", events: ["E"])
                if outcome != .fenced { break }
            }
        }
    }
}

extension Timestamp {
    func advanced(by duration: Duration) -> Timestamp {
        Timestamp(nanoseconds: nanoseconds + duration.components.seconds * 1_000_000_000 + duration.components.attoseconds / 1_000_000_000)
    }
}
