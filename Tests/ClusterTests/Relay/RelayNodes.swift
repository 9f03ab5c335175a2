import Logging
import RivuletBackbone
import RivuletBroker
import RivuletCluster
import RivuletSubscriptions
import RivuletTesting
import Synchronization
import TestSupport
import Testing

/// A broker that is one with those of the other nodes.
struct RelayNode: Sendable {
    let name: String
    let broker: Broker
    let relay: ClusterRelay
    let watch: MemberWatch

    func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask { await watch.run { others, _ in relay.see(others) } }
            await relay.run()
            group.cancelAll()
        }
    }

    func publish(_ subject: String, _ payload: String = "", reply: String? = nil, reach: MessageReach = .cluster) throws {
        var message = BusMessage(subject: try Subject(subject), reply: try reply.map { try Subject($0) }, payload: Array(payload.utf8))
        message.reach = reach
        try broker.publish(message)
    }

    func subscribe(_ pattern: String, queue: String? = nil) throws -> Inbox {
        let inbox = Inbox()
        inbox.attachment.withLock { $0 = try? broker.attach(SubjectPattern(pattern), queue: queue, inbox.receive) }
        return inbox
    }

    /// Answers with the node's name.
    func serve(_ subject: String, queue: String? = nil) throws -> RivuletSubscriptions.Attachment {
        try broker.attach(SubjectPattern(subject), queue: queue) { [name, broker] message in
            guard let reply = message.reply else { return }
            try? broker.publish(BusMessage(subject: reply, payload: Array(name.utf8)))
        }
    }

    /// - Returns: The answer's text.
    func request(_ subject: String) async throws -> String {
        let requester = Requester(bus: broker, time: SystemTime())
        let reply = try await requester.request(
            BusMessage(subject: try Subject(subject), payload: Array("?".utf8)), deadline: SystemTime().now + .seconds(60))
        return String(decoding: reply.payload, as: UTF8.self)
    }

    /// Waits until the node knows that another one wants this.
    func knows(_ pattern: String, queue: String? = nil, of node: RelayNode, _ isWanted: Bool = true) async throws {
        let wanted = SubscribedPattern(try SubjectPattern(pattern), queue: queue)
        try await until { relay.wantedElsewhere[node.name]?.contains(wanted) ?? false == isWanted }
    }
}

/// What a subscription got.
final class Inbox: Sendable {
    let attachment = Mutex<RivuletSubscriptions.Attachment?>(nil)
    private let messages = Mutex<[BusMessage]>([])

    var all: [BusMessage] { messages.withLock { $0 } }
    var payloads: [String] { all.map { String(decoding: $0.payload, as: UTF8.self) } }

    func receive(_ message: BusMessage) { messages.withLock { $0.append(message) } }

    func cancel() { attachment.withLock { $0 }?.cancel() }
}

let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

/// Runs `body` with a node on each of the backbones, once they know of each other.
func withRelay(
    over backbones: [any Relay & Membership], _ configure: (inout RelayConfiguration) -> Void = { _ in },
    broker configureBroker: (inout BrokerConfiguration) -> Void = { _ in }, body: ([RelayNode]) async throws -> Void
) async throws {
    var configuration = RelayConfiguration()
    configuration.readyTimeout = .seconds(60)
    configure(&configuration)
    var watching = ClusterConfiguration()
    watching.timeToLive = .milliseconds(60)
    var brokerConfiguration = BrokerConfiguration()
    brokerConfiguration.port = 0
    brokerConfiguration.authenticationTimeout = .seconds(60)
    configureBroker(&brokerConfiguration)
    let nodes = backbones.enumerated().map { number, backbone in
        let broker = Broker(configuration: brokerConfiguration, logger: quiet)
        let name = "node.\(number)"
        let relay = ClusterRelay(name, broker: broker, relay: backbone, configuration: configuration, logger: quiet)
        let watch = MemberWatch(for: name, membership: backbone, configuration: watching, logger: quiet)
        return RelayNode(name: name, broker: broker, relay: relay, watch: watch)
    }
    for (node, backbone) in zip(nodes, backbones) {
        _ = try await backbone.join(NodeDescription(name: node.name, address: ""), timeToLive: .seconds(3600))
    }
    try await withThrowingTaskGroup(of: Void.self) { group in
        for node in nodes { group.addTask { await node.run() } }
        for node in nodes { await node.relay.ready() }
        do {
            try await body(nodes)
        } catch {
            group.cancelAll()
            for node in nodes { await node.broker.shutdown() }
            throw error
        }
        for node in nodes { node.relay.drain() }
        try await group.waitForAll()
        for node in nodes { await node.broker.shutdown() }
    }
}

/// Runs `body` with nodes on a backbone in memory.
func withRelay(
    _ count: Int, _ configure: (inout RelayConfiguration) -> Void = { _ in },
    broker configureBroker: (inout BrokerConfiguration) -> Void = { _ in }, body: ([RelayNode]) async throws -> Void
) async throws {
    let backbone = InMemoryBackbone(time: ManualTime())
    try await withRelay(over: Array(repeating: backbone, count: count), configure, broker: configureBroker, body: body)
}
