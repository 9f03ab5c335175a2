import RivuletBroker
import RivuletClient
import Testing

struct Joined: Event, Equatable { var player: String }
struct Moved: Event, Equatable { var number: Int }
struct Other: Event { var x = 0 }

enum TableEvent: EventSet, Equatable {
    case joined(Joined), moved(Moved)
    static var members: EventMembers<Self> {
        Member(TableEvent.joined)
        Member(TableEvent.moved)
    }
}

@Suite(.timeLimit(.minutes(1))) struct EventFollowingTests {
    private let log = EventLogServer(stream: "Table")

    @Test func anObjectsEventsComeFromTheBeginningThenLive() async throws {
        try await withClient { client, broker in
            try log.serve(broker.bus)
            try log.commit("1", Joined(player: "ann"), on: broker.bus)
            try log.commit("2", Joined(player: "eve"), on: broker.bus)
            try log.commit("1", Other(), on: broker.bus)
            var seen: [TableEvent] = []
            var positions: [UInt64] = []
            var caughtUp = 0
            for try await item in client.object("Table", "1").events(of: TableEvent.self, from: .beginning) {
                switch item {
                case .event(let event, let position):
                    seen.append(event)
                    positions.append(position.sequence)
                case .caughtUp:
                    caughtUp += 1
                    try log.commit("2", Moved(number: 1), on: broker.bus)
                    try log.commit("1", Other(), on: broker.bus)
                    try log.commit("1", Moved(number: 2), on: broker.bus)
                case .gap(let missing): Issue.record("\(missing)")
                }
                if seen.count == 2 { break }
            }
            #expect(seen == [.joined(Joined(player: "ann")), .moved(Moved(number: 2))])
            #expect(positions == [1, 6])
            #expect(caughtUp == 1)
            #expect(log.reads == 1)
        }
    }

    @Test func allObjectsOfAKindAndSingleTypesCanBeFollowed() async throws {
        try await withClient { client, broker in
            try log.serve(broker.bus)
            for number in 1...5 {
                try log.commit("\(number % 2)", Moved(number: number), on: broker.bus)
                try log.commit("1", Other(), on: broker.bus)
            }
            var seen: [Moved] = []
            for try await item in client.events(of: Moved.self, kind: "Table", from: .sequence(3), follow: false) {
                if case .event(let event, _) = item { seen.append(event) }
            }
            #expect(seen.map(\.number) == [2, 3, 4, 5])
            var names: [String] = []
            for try await item in client.events(kind: "Table", id: "1", from: .beginning, follow: false) {
                if case .event(let event, _) = item { names.append("\(event.position.sequence) \(event.name) \(event.previous)") }
            }
            #expect(names == ["1 Moved 0", "2 Other 1", "4 Other 2", "5 Moved 4", "6 Other 5", "8 Other 6", "9 Moved 8", "10 Other 9"])
        }
    }

    @Test func aSlowReaderMissesNothingAndPagesAreReadAsItReads() async throws {
        try await withClient { client, broker in
            try log.serve(broker.bus)
            for number in 1...1000 { try log.commit("1", Moved(number: number), on: broker.bus) }
            var source = client.eventSource
            source.pageSize = 500
            var items = EventLogReader(source: source).events(of: Moved.self, kind: "Table", from: .beginning).makeAsyncIterator()
            #expect(try await items.next() == .event(Moved(number: 1), Position(epoch: "e1", sequence: 1)))
            // More than find room while nobody reads.
            for number in 1001...7000 { try log.commit("1", Moved(number: number), on: broker.bus) }
            try await client.flush()
            #expect(log.reads == 1)
            var last = 1
            while last < 7000, let item = try await items.next() {
                guard case .event(let event, _) = item else { continue }
                #expect(event.number == last + 1)
                last = event.number
            }
            #expect(log.reads == 14)
        }
    }

    @Test func lostLiveMessagesAreReadBack() async throws {
        try await withClient { client, broker in
            try log.serve(broker.bus)
            var seen: [Int] = []
            for try await item in client.events(of: Moved.self, kind: "Table", from: .now) {
                switch item {
                case .caughtUp:
                    try log.commit("1", Moved(number: 1), on: broker.bus)
                    try log.commit("2", Moved(number: 2), on: nil)
                    try log.commit("1", Moved(number: 3), on: nil)
                    try log.commit("2", Moved(number: 4), on: broker.bus)
                    try log.commit("2", Moved(number: 5), on: broker.bus)
                case .event(let event, _): seen.append(event.number)
                case .gap(let missing): Issue.record("\(missing)")
                }
                if seen.count == 5 { break }
            }
            #expect(seen == [1, 2, 3, 4, 5])
        }
    }

    @Test func aFollowerGoesOnAfterTheServerWasRestarted() async throws {
        try await withClient { client, broker in
            try log.serve(broker.bus)
            try log.commit("1", Moved(number: 0), on: broker.bus)
            var seen: [Int] = []
            for try await item in client.object("Table", "1").events(of: Moved.self, from: .beginning) {
                switch item {
                case .caughtUp: break
                case .gap(let missing): Issue.record("\(missing)")
                case .event(let event, _):
                    seen.append(event.number)
                    if event.number == 20 { return #expect(seen == Array(0...20)) }
                    await broker.stop()
                    try log.commit("1", Moved(number: event.number + 1), on: nil)
                    try await broker.startAgain()
                    try log.serve(broker.bus)
                }
            }
            Issue.record("the events ended")
        }
    }

    @Test func whatIsNotKeptAndAReplacedStreamAreGaps() async throws {
        try await withClient { client, broker in
            try log.serve(broker.bus)
            for number in 1...6 { try log.commit("1", Moved(number: number), on: broker.bus) }
            log.trim(4)
            var items: [FollowItem<Moved>] = []
            let resumed = client.events(
                of: Moved.self, kind: "Table", from: .after(Position(epoch: "e1", sequence: 2)), follow: false)
            for try await item in resumed { items.append(item) }
            func event(_ number: Int, _ epoch: String, _ sequence: UInt64) -> FollowItem<Moved> {
                .event(Moved(number: number), Position(epoch: epoch, sequence: sequence))
            }
            #expect(items == [.gap(.missing(3...4)), event(5, "e1", 5), event(6, "e1", 6), .caughtUp])
            log.trim(0)
            log.replace(epoch: "e2")
            try log.commit("1", Moved(number: 9), on: broker.bus)
            items = []
            let again = client.events(of: Moved.self, kind: "Table", from: .after(Position(epoch: "e1", sequence: 6)), follow: false)
            for try await item in again { items.append(item) }
            #expect(items == [.gap(.replaced(was: Position(epoch: "e1", sequence: 6), epoch: "e2")), event(9, "e2", 1), .caughtUp])
        }
    }

    @Test func anEventThatDoesNotDecodeIsAnErrorBehindWhichOneCanGoOn() async throws {
        try await withClient { client, broker in
            try log.serve(broker.bus)
            try log.commit(Subject("evt.Table.1.Moved"), bytes(#"{"number":"x"}"#), on: broker.bus)
            try log.commit("1", Moved(number: 2), on: broker.bus)
            var items = client.object("Table", "1").events(of: TableEvent.self, from: .beginning).makeAsyncIterator()
            do {
                _ = try await items.next()
                Issue.record("it decoded")
            } catch let error as EventStreamError {
                #expect(error.code == .undecodable)
                #expect(error.position?.sequence == 1)
            }
            #expect(try await items.next() == .event(.moved(Moved(number: 2)), Position(epoch: "e1", sequence: 2)))
        }
    }

    @Test func ephemeralEventsComeLiveAndLeaveThePositionAlone() async throws {
        try await withClient { client, broker in
            try log.serve(broker.bus)
            try log.commit("1", Moved(number: 1), on: broker.bus)
            var seen: [EventEnvelope] = []
            for try await item in client.object("Table", "1").events(from: .beginning) {
                if case .event(let event, _) = item { seen.append(event) }
                if item == .caughtUp {
                    try broker.bus.publish(BusMessage(subject: try Subject("evt.Table.1.Typing"), payload: bytes("{}")))
                }
                if seen.count == 2 { break }
            }
            #expect(seen.map(\.name) == ["Moved", "Typing"])
            #expect(seen.map(\.durability) == [.durable, .ephemeral])
            #expect(seen.map(\.position.sequence) == [1, 1])
        }
    }

    @Test func readsThatFindNothingForLongAreGoneOnWith() async throws {
        try await withClient { client, broker in
            try log.serve(broker.bus)
            for number in 1...10 { try log.commit("2", Moved(number: number), on: broker.bus) }
            try log.commit("1", Moved(number: 11), on: broker.bus)
            log.limitLooks(to: 3)
            var positions: [UInt64] = []
            for try await item in client.object("Table", "1").events(of: TableEvent.self, from: .beginning) {
                if case .event(_, let position) = item { positions.append(position.sequence) }
                if case .gap(let missing) = item { Issue.record("\(missing)") }
                if case .caughtUp = item { break }
            }
            #expect(positions == [11])
            #expect(log.reads == 4)
        }
    }

    @Test func aServerThatGoesNowhereIsAnError() async throws {
        try await withClient { client, broker in
            let bus = broker.bus
            let server = try bus.attach(SubjectPattern("$JS.API.DIRECT.GET.*"), queue: nil) { request in
                guard let reply = request.reply else { return }
                try? bus.publish(StreamRead.end(to: reply, pending: 1, looked: Position(epoch: "e1", sequence: 0)))
            }
            let failure = await #expect(throws: EventStreamError.self) {
                for try await _ in client.events(kind: "Table", from: .beginning) {}
            }
            #expect(failure?.code == .invalid)
            server.cancel()
        }
    }

    @Test func whatCannotBeFollowedSaysWhy() async throws {
        try await withClient { client, broker in
            func code(_ kind: String) async throws -> EventStreamError.Code? {
                do {
                    for try await _ in client.events(kind: kind, from: .beginning) { return nil }
                    return nil
                } catch let error as EventStreamError {
                    return error.code
                }
            }
            #expect(try await code("Nowhere") == .unavailable)
            #expect(try await code("") == .invalid)
            let bus = broker.bus
            let server = try bus.attach(SubjectPattern("$JS.API.DIRECT.GET.*"), queue: nil) { request in
                if let reply = request.reply { try? bus.publish(StreamRead.notFound(to: reply)) }
            }
            #expect(try await code("Nowhere") == .noStream)
            server.cancel()
        }
    }

    @Test func aCancelledFollowerEndsAndAClosedClientIsAnError() async throws {
        try await withClient { client, broker in
            try log.serve(broker.bus)
            func follow(_ caughtUp: AsyncStream<Void>.Continuation) async throws {
                for try await item in client.events(kind: "Table") where item == .caughtUp { caughtUp.yield() }
            }
            let (first, tellFirst) = AsyncStream.makeStream(of: Void.self)
            let cancelled = Task { try await follow(tellFirst) }
            for await _ in first { break }
            cancelled.cancel()
            try await cancelled.value
            let (second, tellSecond) = AsyncStream.makeStream(of: Void.self)
            let closed = Task { try await follow(tellSecond) }
            for await _ in second { break }
            await client.close()
            await #expect(throws: EventStreamError.self) { try await closed.value }
        }
    }

    @Test func eventsCanBeFollowedWithinTheProcessAsWell() async throws {
        let broker = try await RestartableBroker.start()
        try log.serve(broker.bus)
        try log.commit("1", Moved(number: 1), on: broker.bus)
        let source = EventSource(bus: broker.bus, time: SystemTime())
        var seen: [Int] = []
        for try await item in EventLogReader(source: source).events(of: Moved.self, kind: "Table", from: .beginning) {
            if case .event(let event, _) = item { seen.append(event.number) }
            if item == .caughtUp { try log.commit("1", Moved(number: 2), on: broker.bus) }
            if seen.count == 2 { break }
        }
        #expect(seen == [1, 2])
        #expect(broker.bus.statistics.subscriptions == 1)
        await broker.stop()
    }
}

/// Follows events over any source.
struct EventLogReader: EventFollowing {
    let source: EventSource
    var eventSource: EventSource { source }
}
