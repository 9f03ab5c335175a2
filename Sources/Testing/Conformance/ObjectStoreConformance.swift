import RivuletBackbone
import RivuletSubscriptions

/// What every ``ObjectStore`` that is also an ``EventLog`` must do.
public enum ObjectStoreConformance {
    /// The checks, each for a fixture of its own.
    public static let all: [ConformanceCheck<StoreFixture>] = states + fencing + numbering + records + whole

    private static let ann = ObjectID(kind: "Player", id: "ann")
    private static let bob = ObjectID(kind: "Player", id: "bob")
    private static let table = ObjectID(kind: "Table", id: "7")

    // MARK: States and versions

    private static let states: [ConformanceCheck<StoreFixture>] = [
        ConformanceCheck("an object that was never committed is fresh") { fixture in
            try expect("what is stored", try await fixture.store.load(ann), is: StoredObject())
        },
        ConformanceCheck("a commit raises the version by one and keeps the state") { fixture in
            try await fixture.commit(ann, version: 0, state: "{\"chips\":1}").receipt()
            try await fixture.expectState(of: ann, is: "{\"chips\":1}", version: 1)
            try await fixture.commit(ann, version: 1, state: "{\"chips\":2}").receipt()
            try await fixture.expectState(of: ann, is: "{\"chips\":2}", version: 2)
            try await fixture.expectState(of: bob, is: nil, version: 0)
        },
        ConformanceCheck("a turn without a new state raises the version and leaves the state") { fixture in
            try await fixture.commit(ann, version: 0).receipt()
            try await fixture.expectState(of: ann, is: nil, version: 1)
            try await fixture.commit(ann, version: 1, state: "1").receipt()
            try await fixture.commit(ann, version: 2).receipt()
            try await fixture.expectState(of: ann, is: "1", version: 3)
        },
        ConformanceCheck("turns of one object in one batch build on each other") { fixture in
            let batch = [
                try fixture.turn(ann, version: 0, state: "1"), try fixture.turn(bob, version: 0, state: "10"),
                try fixture.turn(ann, version: 1, state: "2"), try fixture.turn(ann, version: 2),
            ]
            for outcome in try await fixture.commit(batch) { _ = try outcome.receipt() }
            try await fixture.expectState(of: ann, is: "2", version: 3)
            try await fixture.expectState(of: bob, is: "10", version: 1)
        },
        ConformanceCheck("an empty batch is nothing") { fixture in
            try await fixture.commit([])
        },
        ConformanceCheck("names with any characters name different objects") { fixture in
            let ids = ["a", "a.b", "a b", "a%2Eb", "*", ">", "a/b", "/", "a\u{0}", "a\u{0}b", "é", "🂡", "'; --", "A", "\n"]
            let objects = ids.map { ObjectID(kind: "K", id: $0) } + ids.map { ObjectID(kind: $0, id: "K") }
            for (index, object) in objects.enumerated() {
                try await fixture.commit(object, version: 0, state: "\(index)").receipt()
            }
            for (index, object) in objects.enumerated() {
                try await fixture.expectState(of: object, is: "\(index)", version: 1)
            }
        },
    ]

    // MARK: Fencing

    private static let fencing: [ConformanceCheck<StoreFixture>] = [
        ConformanceCheck("a turn on another version than the stored one is fenced and leaves nothing") { fixture in
            try await fixture.store.open("Player")
            try await fixture.commit(ann, version: 0, state: "1").receipt()
            let reply = StoredReply(messageID: "m", payload: [1], expires: fixture.time.steadyTime.advanced(by: .seconds(60)))
            for version: UInt64 in [0, 2, .max] {
                let outcome = try await fixture.commit(ann, version: version, state: "9", events: ["Won"], reply: reply)
                try outcome.expectFenced("a turn on version \(version)")
            }
            try expect("what is stored", try await fixture.store.load(ann), is: StoredObject(state: Array("1".utf8), version: 1))
            try expect("the stream's end", try await fixture.store.state(of: "Player")?.last, is: 0)
        },
        ConformanceCheck("a turn under another owner epoch is fenced and leaves nothing") { fixture in
            try await fixture.store.open("Player")
            for epoch: UInt64 in [1, .max] {
                let outcome = try await fixture.commit(ann, version: 0, epoch: epoch, state: "9", events: ["Won"])
                try outcome.expectFenced("a turn under epoch \(epoch)")
            }
            try expect("what is stored", try await fixture.store.load(ann), is: StoredObject())
            try expect("the stream's end", try await fixture.store.state(of: "Player")?.last, is: 0)
        },
        ConformanceCheck("turns that build on a fenced one are fenced too, and the rest of the batch goes on") { fixture in
            try await fixture.store.open("Player")
            try await fixture.commit(ann, version: 0, state: "1").receipt()
            let outcomes = try await fixture.commit([
                try fixture.turn(bob, version: 0, state: "10", events: ["A"]),
                try fixture.turn(ann, version: 3, state: "4", events: ["B"]),
                try fixture.turn(ann, version: 4, state: "5", events: ["C"]),
                try fixture.turn(bob, version: 1, state: "11", events: ["D"]),
                try fixture.turn(ann, version: 5, state: "6", events: ["E"]),
            ])
            for index in [1, 2, 4] { try outcomes[index].expectFenced("turn \(index)") }
            try expect("the first number of turn 0", try outcomes[0].receipt().firstSequence, is: 1)
            try expect("the first number of turn 3", try outcomes[3].receipt().firstSequence, is: 2)
            try await fixture.expectState(of: ann, is: "1", version: 1)
            try await fixture.expectState(of: bob, is: "11", version: 2)
            let names = try await fixture.events(of: "Player").map { $0.subject.tokens.last.map(String.init) }
            try expect("the events", names, is: ["A", "D"])
        },
        ConformanceCheck("a turn that builds on a fenced one is fenced although the version that it expects is the stored one") { fixture in
            try await fixture.store.open("Player")
            // As if the outcome of the first commit were not known, and the object had been loaded before it could be seen.
            try await fixture.commit(ann, version: 0, state: "1").receipt()
            let outcomes = try await fixture.commit([
                try fixture.turn(ann, version: 0, state: "10", events: ["A"]),
                try fixture.turn(bob, version: 0, state: "2", events: ["B"]),
                try fixture.turn(ann, version: 1, state: "11", events: ["C"]),
                try fixture.turn(ann, version: 2, state: "12", events: ["D"]),
            ])
            for index in [0, 2, 3] { try outcomes[index].expectFenced("turn \(index)") }
            _ = try outcomes[1].receipt()
            try await fixture.expectState(of: ann, is: "1", version: 1)
            try expect("the number of events", try await fixture.events(of: "Player").count, is: 1)
        },
        ConformanceCheck("a turn that meets its condition commits after a fenced one of the same object") { fixture in
            let outcomes = try await fixture.commit([
                try fixture.turn(ann, version: 0, epoch: 7, state: "0"), try fixture.turn(ann, version: 0, state: "1"),
            ])
            try outcomes[0].expectFenced("the turn under epoch 7")
            _ = try outcomes[1].receipt()
            try await fixture.expectState(of: ann, is: "1", version: 1)
        },
    ]

    // MARK: Numbers

    private static let numbering: [ConformanceCheck<StoreFixture>] = [
        ConformanceCheck("events get the next numbers of their kind's stream, in batch order") { fixture in
            let players = try await fixture.store.open("Player")
            let tables = try await fixture.store.open("Table")
            for round: UInt64 in 0..<3 {
                let outcomes = try await fixture.commit([
                    try fixture.turn(ann, version: round, events: ["A", "B"]),
                    try fixture.turn(table, version: round, events: ["T"]),
                    try fixture.turn(bob, version: round, events: ["C"]),
                ])
                let receipts = try outcomes.map { try $0.receipt() }
                try expect("the first numbers", receipts.map(\.firstSequence), is: [round * 3 + 1, round + 1, round * 3 + 3])
                try expect("the epochs", receipts.map(\.streamEpoch), is: [players.epoch, tables.epoch, players.epoch])
            }
            try expect("the numbers", try await fixture.events(of: "Player").map(\.sequence), is: Array(1...9))
            try expect("the numbers", try await fixture.events(of: "Table").map(\.sequence), is: Array(1...3))
            let subjects = try await fixture.events(of: "Player").prefix(3).map(\.subject.description)
            try expect("the subjects", subjects, is: ["evt.Player.ann.A", "evt.Player.ann.B", "evt.Player.bob.C"])
        },
        ConformanceCheck("each event names the same object's event before it") { fixture in
            try await fixture.store.open("Player")
            let first = try await fixture.commit([
                try fixture.turn(ann, version: 0, events: ["1", "2"]), try fixture.turn(bob, version: 0, events: ["3"]),
                try fixture.turn(ann, version: 1, events: ["4"]),
            ])
            try expect("what went before", try first.map { try $0.receipt().previousSequence }, is: [0, 0, 2])
            let second = try await fixture.commit([
                try fixture.turn(bob, version: 1, events: ["5"]), try fixture.turn(ann, version: 2),
                try fixture.turn(ann, version: 3, events: ["6"]),
            ])
            try expect("what went before", try second.map { try $0.receipt().previousSequence }, is: [3, 4, 4])
            try expect("the links", try await fixture.events(of: "Player").map(\.previous), is: [0, 1, 0, 2, 3, 4])
        },
        ConformanceCheck("a turn without events has no numbers") { fixture in
            let receipt = try await fixture.commit(ann, version: 0, state: "1").receipt()
            try expect("the receipt", receipt, is: CommitReceipt(time: fixture.time.wallTime))
        },
        ConformanceCheck("events carry the time of their commit") { fixture in
            try await fixture.store.open("Player")
            fixture.time.advance(by: .milliseconds(1500))
            let receipt = try await fixture.commit(ann, version: 0, events: ["A"]).receipt()
            try expect("the receipt's time", receipt.time, is: fixture.time.wallTime)
            try expect("the event's time", try await fixture.events(of: "Player").map(\.time), is: [receipt.time])
        },
        ConformanceCheck("events for a stream that was never opened fail the batch, which leaves nothing") { fixture in
            try await expectError(.noStream, "a commit without its stream") {
                try await fixture.commit([try fixture.turn(bob, version: 0, state: "1"), try fixture.turn(ann, version: 0, events: ["A"])])
            }
            try expect("what is stored", try await fixture.store.load(bob), is: StoredObject())
        },
    ]
}
