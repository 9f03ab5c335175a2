import RivuletBackbone
import RivuletBroker
import RivuletCluster
import RivuletSubscriptions
import RivuletTesting
import RivuletWire
import Synchronization

/// A node that hands everything on to another, of which there is only what the test says.
final class LinkedNode: Sendable {
    static let object = ObjectID(kind: "Tally", id: "a")

    let bus = Broker(logger: quiet)
    let other = OtherNode()
    let time = ManualTime()
    private let backbone: InMemoryBackbone
    private let keeper: LeaseKeeper
    private let links: NodeLinks
    private let ownership: ClusterOwnership

    /// - Parameter connect: Connects to the other node; nil for to ``other``.
    init(
        _ configuration: ClusterConfiguration = ClusterConfiguration(), connect: (@Sendable () async throws -> NodeConnection)? = nil
    ) {
        let (bus, other, time) = (bus, other, time)
        backbone = InMemoryBackbone(time: time)
        keeper = LeaseKeeper(
            NodeDescription(name: "own", address: "own:1"), membership: backbone, configuration: configuration, time: time, logger: quiet)
        links = NodeLinks(from: "own", bus: bus, membership: backbone, configuration: configuration, time: time, logger: quiet) { _ in
            if let connect { try await connect() } else { try await other.connect() }
        }
        ownership = ClusterOwnership(
            directory: backbone, keeper: keeper, links: links, bus: bus, configuration: configuration, time: time)
    }

    func whileRunning(_ body: (LinkedNode) async throws -> Void) async throws {
        try await keeper.join()
        let status = NodeStatus(kinds: [Self.object.kind])
        _ = try await backbone.join(NodeDescription(name: "other", address: "other:1", status: status), timeToLive: .seconds(3600))
        ownership.see(try await backbone.members().map(\.node))
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask { await self.links.run() }
            group.addTask { await self.ownership.run() }
            defer { group.cancelAll() }
            try await body(self)
        }
    }

    /// Hands a message on.
    ///
    /// - Parameter id: Makes it one that may be handled twice.
    func handOn(
        _ payload: String, from origin: (any MessageOrigin)? = nil, subject: String = "obj.Tally.a.Remember", reply: String? = nil,
        id: String? = nil
    ) throws {
        var message = BusMessage(
            subject: try Subject(subject), reply: try reply.map { try Subject($0) }, payload: Array(payload.utf8))
        if let id { message.headers["Nats-Msg-Id"] = id }
        message.origin = origin
        ownership.forward(message, for: Self.object, to: "other")
    }

    func forgetOther() { ownership.forget(node: "other") }
}

/// What arrives at the other node, over connections that the test makes and breaks.
final class OtherNode: Sendable {
    final class Connection: MessageBus {
        private struct State {
            var arrived: [BusMessage] = []
            var answer: (@Sendable (BusMessage) -> Void)?
            var refusal: BusError?
        }

        fileprivate let end = BoundedChannel<Void>(capacity: 1, whenFull: .dropNewest)
        private let state = Mutex(State())
        private let onArrival: @Sendable (BusMessage) throws -> Void

        fileprivate init(_ onArrival: @escaping @Sendable (BusMessage) throws -> Void) {
            self.onArrival = onArrival
        }

        var arrived: [String] { state.withLock { $0.arrived.map { String(decoding: $0.payload, as: UTF8.self) } } }

        func publish(_ message: BusMessage) throws(BusError) {
            let refusal = state.withLock { state -> BusError? in
                if state.refusal == nil { state.arrived.append(message) }
                return state.refusal
            }
            if let refusal { throw refusal }
            try? onArrival(message)
        }

        func attach(
            _ pattern: SubjectPattern, queue: String?, _ receive: @escaping @Sendable (BusMessage) -> Void
        ) throws(BusError) -> Attachment {
            state.withLock { $0.answer = receive }
            return Attachment {}
        }

        /// Answers what has arrived, with the payload.
        func answer() {
            let (messages, answer) = state.withLock { ($0.arrived, $0.answer) }
            for message in messages {
                if let reply = message.reply { answer?(BusMessage(subject: reply, payload: message.payload)) }
            }
        }

        /// Takes nothing from now on; nil for taking everything again.
        func refuse(with error: BusError?) { state.withLock { $0.refusal = error } }

        func lose() { end.finish() }
    }

    private struct State {
        var connections: [Connection] = []
        var failures = 0
        var onArrival: @Sendable (BusMessage) throws -> Void = { _ in }
    }

    private let state = Mutex(State())
    private let gate = BoundedChannel<Void>(capacity: 64, whenFull: .fail)

    var connections: [Connection] { state.withLock { $0.connections } }

    /// Called, where it is passed, with each message.
    func onArrival(_ action: @escaping @Sendable (BusMessage) throws -> Void) {
        state.withLock { $0.onArrival = action }
    }

    /// Lets one connection be made.
    func admit() { gate.send(()) }

    /// Lets one not be made.
    func reject() {
        state.withLock { $0.failures += 1 }
        gate.send(())
    }

    fileprivate func connect() async throws -> NodeConnection {
        var gate = gate.makeAsyncIterator()
        _ = try await gate.next()
        let connection = try state.withLock { state -> Connection in
            guard state.failures == 0 else {
                state.failures -= 1
                throw BusError(.disconnected, "nobody is there")
            }
            let connection = Connection(state.onArrival)
            state.connections.append(connection)
            return connection
        }
        return NodeConnection(bus: connection) {
            do { for try await _ in connection.end {} } catch {}
        } close: {
        }
    }
}
