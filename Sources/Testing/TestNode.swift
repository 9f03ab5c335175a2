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
    let cluster = TestCluster(1, hosting: objects, dependencies: dependencies, configuration: configuration, store: store)
    return try await cluster.run { try await body($0[0]) }
}

/// Runs `body` against nodes that share a store and the time, each with a bus of its own; else as
/// ``withNode(hosting:dependencies:configuration:store:_:)``.
@discardableResult
public func withNodes<Result>(
    _ count: Int, hosting objects: any ServiceObject.Type..., dependencies: Dependencies = Dependencies(),
    configuration: ObjectHostConfiguration = ObjectHostConfiguration(), store: (any ObjectStore & EventLog)? = nil,
    _ body: ([TestNode]) async throws -> Result
) async throws -> Result {
    let cluster = TestCluster(count, hosting: objects, dependencies: dependencies, configuration: configuration, store: store)
    return try await cluster.run(body)
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

    init(host: ObjectHost, broker: Broker, clock: TestClock) {
        self.host = host
        self.broker = broker
        self.clock = clock
        bus = broker
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

    /// The durable events all objects of a kind have published since the node started, as they came. Those of other nodes take a moment.
    public func events<Object: ServiceObject>(of type: Object.Type) -> [EventEnvelope] {
        seen.withLock { $0.filter { $0.object.kind == Object.kind } }
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

/// The time of a ``TestNode``, and of all that share it.
public struct TestClock: Sendable {
    let time: ManualTime
    let hosts: [ObjectHost]

    /// What the nodes take for now.
    public var now: Timestamp { time.wallTime }

    /// Moves time on, step by step to whatever is due, and waits each time until the objects have done what follows from it.
    public func advance(by duration: Duration) async throws {
        await settle()
        let end = time.now + duration
        while let next = time.nextDeadline, next <= end {
            time.advance(by: max(.zero, next - time.now))
            await settle()
            try Task.checkCancellation()
        }
        time.advance(by: end - time.now)
        await settle()
    }

    /// Moves time on at once and waits for nothing: for a test of a turn that itself waits for the time.
    public func skip(_ duration: Duration) {
        time.advance(by: duration)
    }

    /// Lets the wall clock alone jump, as an administrator or NTP might.
    public func jumpWall(by duration: Duration) {
        time.jumpWall(to: time.wallTime.advanced(by: duration))
    }

    private func settle() async {
        for host in hosts { await host.settle() }
    }
}
