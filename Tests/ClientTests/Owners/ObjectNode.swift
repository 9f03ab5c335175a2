import RivuletBroker
import RivuletClient
import RivuletSubscriptions
import Synchronization
import TestSupport
import Testing

/// A broker with something behind it that answers for all objects.
final class ObjectNode: Sendable {
    enum Manner: Sendable {
        /// As the owner does.
        case own
        /// As a node does that hands on to the owner at this address.
        case handOn(to: String)
        case refuse
        case beSilent
    }

    private struct State {
        var manner = Manner.own
        var arrivals: [String] = []
        var unanswered: [BusMessage] = []
        var attachment: RivuletSubscriptions.Attachment?
    }

    let broker: RestartableBroker
    private let state = Mutex(State())

    private init(_ broker: RestartableBroker) {
        self.broker = broker
    }

    static func start(_ configure: (inout BrokerConfiguration) -> Void = { _ in }) async throws -> ObjectNode {
        let node = ObjectNode(try await RestartableBroker.start(configure))
        let bus = node.broker.bus
        let attachment = try bus.attach(SubjectPattern("obj.>"), queue: nil) { [weak node] in node?.receive($0, bus) }
        node.state.withLock { $0.attachment = attachment }
        return node
    }

    var address: String { "127.0.0.1:\(broker.port)" }
    /// What has arrived here, in order. A copy of its own: that a shared one was let go of before it is changed, the thread sanitizer cannot
    /// see, since the runtime's counting is not built for it.
    var arrivals: [String] { state.withLock { $0.arrivals.map(\.self) } }
    var connections: Int { broker.bus.statistics.connections }

    func turn(_ manner: Manner) { state.withLock { $0.manner = manner } }

    /// Answers the oldest request to which the node was silent.
    func answer(_ manner: Manner) {
        guard let request = state.withLock({ $0.unanswered.isEmpty ? nil : $0.unanswered.removeFirst() }) else { return }
        answer(request, manner, broker.bus)
    }

    private func receive(_ message: BusMessage, _ bus: Broker) {
        let manner = state.withLock { state in
            state.arrivals.append(text(message.payload))
            if case .beSilent = state.manner { state.unanswered.append(message) }
            return state.manner
        }
        answer(message, manner, bus)
    }

    private func answer(_ message: BusMessage, _ manner: Manner, _ bus: Broker) {
        guard let reply = message.reply else { return }
        var answer = BusMessage(subject: reply, payload: message.payload)
        switch manner {
        case .own: break
        case .handOn(let address): answer.headers[HeaderName.owner] = address
        case .refuse: answer.headers = CallError(.unavailable, "ask again").headers
        case .beSilent: return
        }
        try? bus.publish(answer)
    }
}

/// Runs nodes, and a client that is connected to the first and knows the others, while the body runs. The first says that the second has
/// all objects.
func withNodes(
    _ count: Int = 2, token: String? = nil, _ configure: (inout ClientConfiguration) -> Void = { _ in },
    _ body: (RivuletClient, [ObjectNode]) async throws -> Void
) async throws {
    var nodes: [ObjectNode] = []
    for _ in 0..<count {
        nodes.append(try await ObjectNode.start { $0.auth = token.map { AuthConfiguration(token: Secret($0)) } ?? $0.auth })
    }
    nodes[0].turn(.handOn(to: nodes[1].address))
    var configuration = ClientConfiguration(name: "test")
    configuration.requestTimeout = .seconds(50)
    configure(&configuration)
    do {
        let client = try await RivuletClient.connect(nodes.map(\.broker.url), configuration: configuration)
        do {
            try await body(client, nodes)
        } catch {
            await client.close()
            throw error
        }
        await client.close()
    } catch {
        for node in nodes { await node.broker.stop() }
        throw error
    }
    for node in nodes { await node.broker.stop() }
}

extension RivuletClient {
    /// Asks an object, and gives what it answers.
    @discardableResult
    func ask(_ id: String = "1", _ payload: String = "?", timeout: Duration? = nil) async throws -> CallError? {
        let object = object("O", id)
        let request = ObjectRequest(object: object.object, message: "M", payload: bytes(payload), timeout: timeout)
        return CallError(reply: try await object.caller.ask(request))
    }

    func send(_ id: String = "1", _ payload: String) throws {
        let object = object("O", id)
        try object.caller.send(ObjectRequest(object: object.object, message: "M", payload: bytes(payload)))
    }

    /// Asks an object until it is reached at a node.
    func ask(_ id: String = "1", untilItIsReachedAt node: ObjectNode) async throws {
        var number = 0
        while true {
            number += 1
            let payload = "\(id) until \(number)"
            // A connection that has just broken may still be used once.
            _ = try? await ask(id, payload)
            if node.arrivals.contains(payload) { return }
            await Task.yield()
        }
    }
}
