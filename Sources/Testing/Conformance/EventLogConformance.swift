import RivuletBackbone
import RivuletSubscriptions

/// What every ``EventLog`` that is also an ``ObjectStore`` must do.
public enum EventLogConformance {
    /// The checks, each for a fixture of its own.
    public static let all: [ConformanceCheck<StoreFixture>] = streams + reading + filtering + watching

    private static let kind = "Player"

    /// `rounds` batches in which ann publishes Won and Left, and bob Won: numbers 1, 2 and 3, then 4, 5 and 6 …
    private static func fill(_ fixture: StoreFixture, rounds: UInt64 = 4) async throws {
        try await fixture.store.open(kind)
        for round in 0..<rounds {
            try await fixture.commit([
                try fixture.turn(ObjectID(kind: kind, id: "ann"), version: round, events: ["Won", "Left"]),
                try fixture.turn(ObjectID(kind: kind, id: "bob"), version: round, events: ["Won"]),
            ])
        }
    }

    // MARK: Streams

    private static let streams: [ConformanceCheck<StoreFixture>] = [
        ConformanceCheck("a stream that was never opened is none") { fixture in
            try expect("the stream", try await fixture.store.state(of: kind), is: nil)
            try await expectError(.noStream, "a read") { _ = try await fixture.store.read(EventRead(stream: kind, from: 1)) }
        },
        ConformanceCheck("opening makes an empty stream once") { fixture in
            let state = try await fixture.store.open(kind)
            try expect("the stream", state, is: StreamState(epoch: state.epoch, first: 1, last: 0))
            try expect(!state.epoch.isEmpty, "the epoch of a stream should not be empty")
            try await fill(fixture, rounds: 1)
            try expect("the stream", try await fixture.store.open(kind), is: StreamState(epoch: state.epoch, first: 1, last: 3))
            try expect("the stream", try await fixture.store.state(of: kind), is: StreamState(epoch: state.epoch, first: 1, last: 3))
        },
        ConformanceCheck("many who open a stream at once get the same one") { fixture in
            let states = try await withThrowingTaskGroup(of: StreamState.self) { group in
                for _ in 0..<16 { group.addTask { try await fixture.store.open(kind) } }
                return try await group.reduce(into: Set()) { $0.insert($1) }
            }
            try expect("the number of streams", states.count, is: 1)
        },
        ConformanceCheck("streams have epochs of their own") { fixture in
            let epochs = [try await fixture.store.open("A").epoch, try await fixture.store.open("B").epoch]
            try expect("the number of epochs", Set(epochs).count, is: 2)
        },
    ]

    // MARK: Watching

    private static let watching: [ConformanceCheck<StoreFixture>] = [
        ConformanceCheck("the heads are the numbers of the newest events of all streams") { fixture in
            try expect("the heads", try await fixture.store.heads(), is: [:])
            try await fixture.store.open("Empty.one")
            try await fill(fixture, rounds: 2)
            try expect("the heads", try await fixture.store.heads(), is: ["Empty.one": 0, kind: 6])
        },
        ConformanceCheck("what one node commits rings at another, whose heads show it then") { fixture in
            try await fixture.store.open(kind)
            let rings = try await fixture.elsewhere.doorbell()
            // More than once, for the first ring may be in vain.
            for version: UInt64 in 0..<5 {
                try await fixture.commit(ObjectID(kind: kind, id: "ann"), version: version, events: ["Won"]).receipt()
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await hear(rings, until: version + 1, at: fixture.elsewhere) }
                    group.addTask {
                        try await Task.sleep(for: .seconds(20))
                        throw ConformanceFailure("the bell should ring after commit \(version + 1), and was silent for 20 seconds")
                    }
                    try await group.next()
                    group.cancelAll()
                }
            }
        },
    ]

    private static func hear(_ rings: BoundedChannel<Void>, until head: UInt64, at store: StoreFixture.Store) async throws {
        var iterator = rings.makeAsyncIterator()
        while try await iterator.next() != nil {
            if try await store.heads()[kind] == head { return }
        }
        throw ConformanceFailure("a bell should ring until its store is closed, and ended")
    }

    // MARK: Reading

    private static let reading: [ConformanceCheck<StoreFixture>] = [
        ConformanceCheck("a stream is read from any number on") { fixture in
            try await fill(fixture)
            let all = try await fixture.events(of: kind)
            try expect("the numbers", all.map(\.sequence), is: Array(1...12))
            for from: UInt64 in [0, 1, 2, 7, 12] {
                let page = try await fixture.store.read(EventRead(stream: kind, from: from))
                try expect("the events from \(from)", page.events, is: all.filter { $0.sequence >= from })
                try expect("the events that are left", page.pending, is: 0)
                try expect("the stream's end", page.state.last, is: 12)
            }
            for from: UInt64 in [13, 1000, .max] {
                let page = try await fixture.store.read(EventRead(stream: kind, from: from))
                try expect("the events from \(from)", page, is: EventPage(state: page.state, events: []))
            }
        },
        ConformanceCheck("a page holds at most as many events as wanted, and says how many are left") { fixture in
            try await fill(fixture)
            for (from, limit, numbers, pending) in [
                (UInt64(1), 5, Array(UInt64(1)...5), UInt64(7)), (6, 5, Array(6...10), 2), (11, 5, [11, 12], 0), (11, 2, [11, 12], 0),
                (12, 1, [12], 0), (3, 0, [], 10),
            ] {
                let page = try await fixture.store.read(EventRead(stream: kind, from: from, limit: limit))
                try expect("the events from \(from), \(limit) at most", page.events.map(\.sequence), is: numbers)
                try expect("what is left from \(from), \(limit) at most", page.pending, is: pending)
            }
        },
        ConformanceCheck("a page ends when its payloads reach the byte limit, never before its first event") { fixture in
            try await fixture.store.open(kind)
            var turn = try fixture.turn(ObjectID(kind: kind, id: "ann"), version: 0, events: ["A", "B", "C", "D"])
            for index in turn.events.indices { turn.events[index].payload = Array("\"12345678\"".utf8) }
            try await fixture.commit([turn])
            for (bytes, count) in [(0, 1), (1, 1), (10, 1), (11, 2), (20, 2), (39, 4), (1000, 4)] {
                let page = try await fixture.store.read(EventRead(stream: kind, from: 1, byteLimit: bytes))
                try expect("the number of events up to \(bytes) bytes", page.events.count, is: count)
                try expect("what is left", page.pending, is: UInt64(4 - count))
            }
        },
        ConformanceCheck("one object's events are found in a long stream, from any number on, in pages of any size") { fixture in
            try await fixture.store.open(kind)
            // Objects with many events, and one with few, in turns and batches of all sizes.
            let (ann, bob, eve) = (ObjectID(kind: kind, id: "ann"), ObjectID(kind: kind, id: "bob"), ObjectID(kind: kind, id: "eve"))
            for round in UInt64(0)..<60 {
                var batch = [
                    try fixture.turn(ann, version: 2 * round, events: Array(repeating: "Won", count: Int(round) % 7)),
                    try fixture.turn(bob, version: round, events: ["Won", "Left", "Won"]),
                    try fixture.turn(ann, version: 2 * round + 1, events: ["Left"]),
                ]
                if round % 20 == 7 { batch.append(try fixture.turn(eve, version: round / 20, events: ["Won"])) }
                try await fixture.commit(batch)
            }
            let all = try await fixture.events(of: kind)
            for text in ["evt.Player.ann.>", "evt.Player.bob.>", "evt.Player.eve.>", "evt.Player.bob.Left", "evt.Player.nobody.>"] {
                let pattern = try SubjectPattern(text)
                for limit in [7, 63, 64, 65, 1000] { try await expectPages(of: pattern, limit, all, fixture) }
                for from in stride(from: UInt64(1), through: UInt64(all.count) + 1, by: 13) {
                    let page = try await fixture.store.read(EventRead(stream: kind, from: from, matching: pattern, limit: 2))
                    let wanted = all.filter { $0.sequence >= from && pattern.matches($0.subject) }
                    try expect("the events of \(pattern) from \(from)", page.events, is: Array(wanted.prefix(2)))
                    try expect("what is left of \(pattern) from \(from)", page.pending, is: UInt64(max(0, wanted.count - 2)))
                }
            }
        },
        ConformanceCheck("a page and the stream's standing are of one view, and hold whole batches") { fixture in
            try await fixture.store.open(kind)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await fill(fixture, rounds: 50) }
                for _ in 0..<4 {
                    group.addTask {
                        var last: UInt64 = 0
                        while last < 150 {
                            let page = try await fixture.store.read(EventRead(stream: kind, from: 1, limit: 40))
                            last = page.state.last
                            try expect("the events and what is left", UInt64(page.events.count) + page.pending, is: last)
                            try expect("what is there of the last batch", last % 3, is: 0)
                        }
                    }
                }
                try await group.waitForAll()
            }
        },
    ]

    // MARK: Filters

    private static let filtering: [ConformanceCheck<StoreFixture>] = [
        ConformanceCheck("a pattern picks what it matches, in pages of any size") { fixture in
            try await fill(fixture)
            let all = try await fixture.events(of: kind)
            let texts = [
                ">", "evt.>", "evt.*.>", "evt.Player.>", "evt.Player.ann.>", "evt.Player.bob.>", "evt.Player.nobody.>",
                "evt.Player.ann.Won", "evt.Player.*.Won", "evt.Player.ann.*", "evt.*.bob.*", "evt.Table.>", "evt.Table.ann.>",
                "evt.Player.ann", "evt.Player.ann.Won.>", "obj.Player.ann.>", "*.*.ann.>", "evt.Player.*.*", "evt.Play.>",
            ]
            for text in texts {
                let pattern = try SubjectPattern(text)
                for limit in [1, 2, 100] { try await expectPages(of: pattern, limit, all, fixture) }
            }
        },
        ConformanceCheck("a read looks at no more events than it may, says how far it came, and is gone on with from there") { fixture in
            try await fill(fixture, rounds: 100)
            try await fixture.commit(ObjectID(kind: kind, id: "bob"), version: 100, events: ["Lost"]).receipt()
            try await fixture.commit(ObjectID(kind: kind, id: "ann"), version: 100, events: ["Lost", "Won"]).receipt()
            let all = try await fixture.events(of: kind)
            let texts = [
                "evt.Player.*.Lost", "evt.Player.*.Won", "evt.Player.ann.Lost", "evt.Player.bob.Won", "evt.Player.nobody.Lost",
                "evt.Table.>",
            ]
            for text in texts {
                let pattern = try SubjectPattern(text)
                for (limit, looks) in [(1, 1), (1, 7), (3, 64), (100, 5), (100, 303), (100, 10_000), (0, 5)] {
                    try await expectAll(
                        of: pattern, EventRead(stream: kind, from: 1, matching: pattern, limit: limit, lookLimit: looks), all, fixture)
                }
            }
        },
        ConformanceCheck("an object's events are found by its encoded id") { fixture in
            try await fixture.store.open(kind)
            let ids = ["a.b", "a b", "*", ">", "é🂡", "a\u{0}b", "a%2Eb"]
            for id in ids { try await fixture.commit(ObjectID(kind: kind, id: id), version: 0, events: ["Won"]).receipt() }
            for (index, id) in ids.enumerated() {
                let pattern = try SubjectPattern("evt.Player.\(SubjectToken.encode(id)).>")
                let page = try await fixture.store.read(EventRead(stream: kind, from: 1, matching: pattern))
                try expect("the events of \(id)", page.events.map(\.sequence), is: [UInt64(index + 1)])
            }
        },
        ConformanceCheck("a kind with any characters has a stream") { fixture in
            let object = ObjectID(kind: "My.Kind", id: "1")
            try await fixture.store.open("My.Kind")
            try await fixture.commit(object, version: 0, events: ["Won"]).receipt()
            for text in ["evt.My%2EKind.>", "evt.My%2EKind.1.>"] {
                let pattern = try SubjectPattern(text)
                let page = try await fixture.store.read(EventRead(stream: "My.Kind", from: 1, matching: pattern))
                try expect("the number of events", page.events.count, is: 1)
            }
        },
    ]

    /// Goes on after where each page came to, until nothing is left.
    private static func expectAll(
        of pattern: SubjectPattern, _ read: EventRead, _ all: [StoredEvent], _ fixture: StoreFixture
    ) async throws {
        var read = read
        var found: [StoredEvent] = []
        let name = "\(pattern), \(read.limit) at most, of \(read.lookLimit)"
        while true {
            let page = try await fixture.store.read(read)
            found += page.events
            let rest = all.filter { $0.sequence > page.looked && pattern.matches($0.subject) }
            try expect(
                page.pending > 0 || rest.isEmpty, "nothing should match \(name) after \(page.looked): the page says there is no more")
            try expect(page.pending <= max(1, rest.count), "no more than \(rest.count) should be left of \(name) after \(page.looked)")
            try expect(
                page.looked >= page.events.last?.sequence ?? 0, "a page of \(name) should be looked through to its last event at least")
            guard page.pending > 0, read.limit > 0 else {
                if read.limit > 0 { try expect("where \(name) ends", page.looked, is: page.state.last) }
                break
            }
            if pattern.tokens.count < 4 || pattern.tokens[2] == "*" {
                try expect(
                    page.looked < read.from + UInt64(read.lookLimit), "a read of \(name) from \(read.from) looked up to \(page.looked)")
            }
            try expect(page.looked >= read.from, "a read of \(name) from \(read.from) should come further than \(page.looked)")
            read.from = page.looked + 1
        }
        let wanted = all.filter { pattern.matches($0.subject) }
        try expect("the events of \(name)", found, is: read.limit > 0 ? wanted : [])
    }

    private static func expectPages(
        of pattern: SubjectPattern, _ limit: Int, _ all: [StoredEvent], _ fixture: StoreFixture
    ) async throws {
        var wanted = all.filter { pattern.matches($0.subject) }[...]
        var from: UInt64 = 1
        while true {
            let page = try await fixture.store.read(EventRead(stream: kind, from: from, matching: pattern, limit: limit))
            try expect("the events of \(pattern) from \(from)", page.events, is: Array(wanted.prefix(limit)))
            wanted = wanted.dropFirst(limit)
            try expect("what is left of \(pattern) after \(from)", page.pending, is: UInt64(wanted.count))
            guard page.pending > 0, let last = page.events.last else { return }
            from = last.sequence + 1
        }
    }
}
