import Logging
import RivuletBackbone
import RivuletBroker
public import RivuletObjects
import Synchronization

/// Runs `body` against a node in this process: no ports, no files, and time that stands still until the test moves it.
///
/// ```swift
/// try await withNode(hosting: Casino.self, GameTable.self) { node in
///     let seat = try await node.object("Casino", "main").ask(JoinGame(player: "ann"))
///     try await node.clock.advance(by: .seconds(10))
///     #expect(node.events(of: GameTable.self, seat.table).map(\\.name) == ["PlayerJoined", "GameStarted"])
/// }
/// ```
@discardableResult
public func withNode<Result>(
    hosting objects: any ServiceObject.Type..., dependencies: Dependencies = Dependencies(),
    configuration: ObjectHostConfiguration = ObjectHostConfiguration(), store: (any ObjectStore & EventLog)? = nil,
    _ body: (TestNode) async throws -> Result
) async throws -> Result {
    let node = TestNode(hosting: objects, dependencies: dependencies, configuration: configuration, store: store)
    return try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { await node.host.run() }
        do {
            try await node.start()
            let result = try await body(node)
            await node.stop()
            return result
        } catch {
            await node.stop()
            throw error
        }
    }
}

/// A node in this process; see ``withNode(hosting:dependencies:configuration:store:_:)``.
public final class TestNode: EventFollowing {
    /// The node's time.
    public let clock: TestClock
    /// The node's bus, to publish and subscribe as a client would.
    public let bus: any MessageBus
    let host: ObjectHost
    private let broker: Broker
    private let seen = Mutex<[EventEnvelope]>([])
    private let attachment = Mutex<Attachment?>(nil)

    init(
        hosting objects: [any ServiceObject.Type], dependencies: Dependencies, configuration: ObjectHostConfiguration,
        store: (any ObjectStore & EventLog)?
    ) {
        let time = ManualTime()
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let backbone = store ?? InMemoryBackbone(time: time)
        broker = Broker(configuration: BrokerConfiguration(), logger: logger)
        bus = broker
        host = ObjectHost(
            hosting: objects, bus: broker, store: backbone, log: backbone, time: time, dependencies: dependencies,
            configuration: configuration, logger: logger)
        clock = TestClock(time: time, host: host)
    }

    func start() async throws {
        let attached = try bus.attach(SubjectPattern("evt.>"), queue: nil) { [weak self] message in
            guard let event = EventEnvelope(live: message) else { return }
            self?.seen.withLock { $0.append(event) }
        }
        attachment.withLock { $0 = attached }
        try await host.start()
    }

    func stop() async {
        await host.drain()
        await broker.shutdown()
    }

    /// An object, to ask, send messages, and follow.
    public func object(_ kind: String, _ id: String) -> RemoteObject {
        host.object(kind, id)
    }

    /// An object by its type.
    public func object<Object: ServiceObject>(_ type: Object.Type, _ id: String) -> RemoteObject {
        host.object(Object.kind, id)
    }

    /// The durable events an object has published since the node started, in order.
    public func events<Object: ServiceObject>(of type: Object.Type, _ id: String) -> [EventEnvelope] {
        let object = ObjectID(kind: Object.kind, id: id)
        return seen.withLock { $0.filter { $0.object == object } }
    }

    /// How many objects are active.
    public var activeCount: Int { host.activeCount }

    /// Waits until no object does anything.
    public func settle() async {
        await host.settle()
    }

    /// Where events can be followed.
    public var eventSource: EventSource { host.eventSource }
}

/// The time of a ``TestNode``.
public struct TestClock: Sendable {
    let time: ManualTime
    let host: ObjectHost

    /// What the node takes for now.
    public var now: Timestamp { time.wallTime }

    /// Moves time on, step by step to whatever is due, and waits each time until the objects have done what follows from it.
    public func advance(by duration: Duration) async throws {
        await host.settle()
        let end = time.now + duration
        while let next = time.nextDeadline, next <= end {
            time.advance(by: max(.zero, next - time.now))
            await host.settle()
            try Task.checkCancellation()
        }
        time.advance(by: end - time.now)
        await host.settle()
    }

    /// Moves time on at once and waits for nothing: for a test of a turn that itself waits for the time.
    public func skip(_ duration: Duration) {
        time.advance(by: duration)
    }
}
