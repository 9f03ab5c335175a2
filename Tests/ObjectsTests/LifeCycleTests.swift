import Logging
import RivuletBackbone
import RivuletBroker
import RivuletObjects
import RivuletTesting
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct LifeCycleTests {
    @Test func anObjectIsActivatedBeforeItsFirstTurnAndDeactivatedWhenIdle() async throws {
        try await withNode(hosting: Diary.self) { node in
            let diary = node.object(Diary.self, "a")
            #expect(try await diary.ask(Read()) == ["activated"])
            #expect(node.activeCount == 1)
            try await node.clock.advance(by: .seconds(301))
            #expect(node.activeCount == 0)
            #expect(try await diary.ask(Read()) == ["activated", "deactivating", "activated"])
        }
    }

    @Test func anObjectCanEndItsActivation() async throws {
        try await withNode(hosting: Counter.self) { node in
            let counter = node.object(Counter.self, "a")
            _ = try await counter.ask(Add(amount: 1))
            _ = try await counter.ask(Leave())
            await node.settle()
            #expect(node.activeCount == 0)
            #expect(try await counter.ask(Total()) == 1)
        }
    }

    @Test func kindsWithoutPersistenceNeverTouchTheStore() async throws {
        let store = InMemoryBackbone(time: SystemTime())
        try await withNode(hosting: Fleeting.self, store: store) { node in
            let object = node.object(Fleeting.self, "a")
            let live = try node.bus.subscribe(SubjectPattern("evt.Fleeting.>"))
            #expect(try await object.ask(Add(amount: 1)) == 1)
            #expect(try await object.ask(Add(amount: 1)) == 2)
            var events = live.makeAsyncIterator()
            #expect(try await events.next()?.headers[HeaderName.sequence] == nil)
            #expect(try await store.state(of: "Fleeting") == nil)
            #expect(try await store.load(object.object) == StoredObject())
        }
    }

    @Test func scheduledMessagesComeInTimeAndCanBeReplacedAndCancelled() async throws {
        try await withNode(hosting: Counter.self) { node in
            let counter = node.object(Counter.self, "a")
            _ = try await counter.ask(Later(amount: 1, after: 10))
            _ = try await counter.ask(Later(amount: 10, after: 5, name: "x"))
            _ = try await counter.ask(Later(amount: 20, after: 20, name: "x"))
            _ = try await counter.ask(Later(amount: 50, after: 1, name: "y"))
            _ = try await counter.ask(Forget(name: "y"))
            try await node.clock.advance(by: .seconds(9))
            #expect(try await counter.ask(Total()) == 0)
            try await node.clock.advance(by: .seconds(1))
            #expect(try await counter.ask(Total()) == 1)
            try await node.clock.advance(by: .seconds(10))
            #expect(try await counter.ask(Total()) == 21)
        }
    }

    @Test func aTurnThatThrowsSchedulesNothing() async throws {
        try await withNode(hosting: Counter.self) { node in
            let counter = node.object(Counter.self, "a")
            await #expect(throws: CallError.self) { try await counter.ask(Later(amount: 1, after: 1, fails: true)) }
            try await node.clock.advance(by: .seconds(5))
            #expect(try await counter.ask(Total()) == 0)
        }
    }

    @Test func anObjectWithASchedulePendingIsNotIdle() async throws {
        try await withNode(hosting: Counter.self) { node in
            let counter = node.object(Counter.self, "a")
            _ = try await counter.ask(Later(amount: 1, after: 1000))
            try await node.clock.advance(by: .seconds(999))
            #expect(node.activeCount == 1)
            try await node.clock.advance(by: .seconds(302))
            #expect(node.activeCount == 0)
            #expect(try await counter.ask(Total()) == 1)
        }
    }

    @Test func backgroundWorkSendsWhatItFinds() async throws {
        try await withNode(hosting: Counter.self) { node in
            let counter = node.object(Counter.self, "a")
            let live = try node.bus.subscribe(SubjectPattern("evt.Counter.a.Added"))
            _ = try await counter.ask(Observe(amount: 9))
            var events = live.makeAsyncIterator()
            _ = try await events.next()
            #expect(try await counter.ask(Total()) == 9)
        }
    }

    @Test func backgroundWorkEndsWithTheActivationThatCouldNotCommit() async throws {
        let (store, lingering) = (StallingStore(), Lingering())
        try await withNode(hosting: Counter.self, dependencies: Dependencies().with(lingering), store: store) { node in
            let counter = node.object(Counter.self, "a")
            _ = try await counter.ask(Linger())
            try await until { lingering.count == 1 }
            await store.stall()
            async let lost = outcome { try await counter.ask(Add(amount: 1), timeout: .seconds(600)) }
            await store.arrived()
            await store.fail(StoreError(.unavailable, "the database is gone"))
            #expect(await lost == .failure(.unavailable))
            try await until { lingering.count == 0 }
            _ = try await counter.ask(Linger())
            try await until { lingering.count == 1 }
            _ = try await counter.ask(Leave())
            try await until { lingering.count == 0 }
        }
    }

    @Test func aTurnThatTakesTooLongIsCancelledAndTheNextGoesOn() async throws {
        let gate = Gate()
        await gate.open()
        try await withNode(hosting: Sleeper.self, dependencies: Dependencies().with(gate)) { node in
            let requester = Requester(bus: node.bus, time: SystemTime())
            let request = BusMessage(subject: try Subject("obj.Sleeper.a.Fail"))
            async let slow = requester.request(request, deadline: SystemTime().now + .seconds(50))
            await gate.arrived()
            node.clock.skip(.seconds(32))  // `advance` would wait for the turn that waits for the time
            #expect(CallError(reply: try await slow)?.code == .deadline)
            #expect(try await node.object(Sleeper.self, "a").ask(Total()) == 0)
            requester.close()
        }
    }
}

/// A host that is ready to run, for tests of how it ends.
private func startHost(
    of object: any ServiceObject.Type, _ gate: Gate, _ time: any TimeSource
) async throws -> (ObjectHost, Broker) {
    let broker = Broker(logger: Logger(label: "test"))
    let store = InMemoryBackbone(time: time)
    let host = ObjectHost(
        hosting: [object], bus: broker, store: store, log: store, time: time, dependencies: Dependencies().with(gate),
        logger: Logger(label: "test"))
    try await host.start()
    return (host, broker)
}

@Test(.timeLimit(.minutes(1))) func aNodeThatStopsHasPatienceOnlyForAWhile() async throws {
    let gate = Gate()
    await gate.open()
    let (host, broker) = try await startHost(of: Sleeper.self, gate, SystemTime())
    async let running: Void = host.run()
    // Each would sleep for an hour, one after the other.
    for _ in 1...3 { try host.object("Sleeper", "a").send(Fail()) }
    await gate.arrived()
    await host.drain(patience: .milliseconds(10))
    await running
    #expect(host.activeCount == 0)
    await broker.shutdown()
}

@Test(.timeLimit(.minutes(1))) func whatIgnoresThatItIsCancelledIsLeftBehindWhenTheNodeStops() async throws {
    let (gate, time) = (Gate(), ManualTime())
    let (host, broker) = try await startHost(of: Counter.self, gate, time)
    async let running: Void = host.run()
    try host.object("Counter", "a").send(Wait())
    try host.object("Counter", "b").send(WaitInBackground())
    await gate.arrived()
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { await host.drain(patience: .seconds(10)) }
        group.addTask {
            while true {
                try Task.checkCancellation()
                time.advance(by: .seconds(1))
                await Task.yield()
            }
        }
        try await group.next()
        group.cancelAll()
    }
    await running
    await gate.open()
    await broker.shutdown()
}

@Test(.timeLimit(.minutes(1))) func aTurnThatTakesTooLongIsCancelledAlsoWhileTheNodeStops() async throws {
    let (gate, time) = (Gate(), ManualTime())
    await gate.open()
    let (host, broker) = try await startHost(of: Sleeper.self, gate, time)
    async let running: Void = host.run()
    try host.object("Sleeper", "a").send(Fail())
    await gate.arrived()
    async let drained: Void = host.drain(patience: .seconds(3600))
    // It has begun by then.
    for _ in 0..<1000 { await Task.yield() }
    time.advance(by: .seconds(32))
    await drained
    await running
    await broker.shutdown()
}

struct Read: Message { typealias Reply = [String] }

struct Diary: ServiceObject {
    struct State: Codable, Sendable { var lines: [String] = [] }
    var state = State()

    mutating func activated(in turn: Turn) async throws { state.lines.append("activated") }
    mutating func deactivating(in turn: Turn) async throws { state.lines.append("deactivating") }

    static var handlers: Handlers<Self> {
        Query(Read.self) { object, _, _ in object.state.lines }
    }
}

struct Fleeting: ServiceObject {
    static var configuration: ObjectConfiguration { ObjectConfiguration(persistence: .none) }
    struct State: Codable, Sendable { var total = 0 }
    var state = State()

    static var handlers: Handlers<Self> {
        Handle(Add.self) { object, message, turn in
            object.state.total += message.amount
            turn.publish(Added(amount: message.amount, total: object.state.total))
            return object.state.total
        }
    }
}

/// Never finishes unless cancelled.
struct Sleeper: ServiceObject {
    static var configuration: ObjectConfiguration { ObjectConfiguration(persistence: .none) }
    struct State: Codable, Sendable {}
    var state = State()

    static var handlers: Handlers<Self> {
        Handle(Fail.self) { _, _, turn in
            await (try turn.dependency(Gate.self)).pass()
            try await Task.sleep(for: .seconds(3600))
            return Empty()
        }
        Query(Total.self) { _, _, _ in 0 }
    }
}
