import Logging
import RivuletBackbone
import RivuletBroker
import RivuletCluster
import RivuletPostgres
import RivuletSubscriptions
import Synchronization
import TestSupport
import Testing

@Suite("Brokers that share a PostgreSQL database", .timeLimit(.minutes(2)))
struct RelayedBrokersTests {
    private struct Node: Sendable {
        let broker: Broker
        let relay: ClusterRelay
    }

    private static let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    private func withNodes(_ body: ([Node]) async throws -> Void) async throws {
        try await TestDatabase.with { database in
            var nodes: [Node] = []
            for name in ["ann", "bob"] {
                let backbone = try await database.open()
                _ = try await backbone.join(NodeDescription(name: name, address: ""), timeToLive: .seconds(3600))
                let broker = Broker(logger: Self.quiet)
                nodes.append(
                    Node(
                        broker: broker,
                        relay: ClusterRelay(name, broker: broker, relay: backbone, logger: Self.quiet)))
                if nodes.count == 2 {
                    let members = try await backbone.members().map(\.node)
                    for node in nodes { node.relay.see(members) }
                }
            }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for node in nodes { group.addTask { await node.relay.run() } }
                defer { group.cancelAll() }
                for node in nodes { await node.relay.ready() }
                try await body(nodes)
                for node in nodes { node.relay.drain() }
                try await group.waitForAll()
            }
        }
    }

    @Test("messages and requests cross, in order and once, and what is not wanted any more stays")
    func crossing() async throws {
        try await withNodes { nodes in
            let seen = Mutex<[String]>([])
            let wanted = SubscribedPattern(try SubjectPattern("a.>"))
            let attachment = try nodes[1].broker.attach(wanted.pattern, queue: nil) { message in
                seen.withLock { $0.append(String(decoding: message.payload, as: UTF8.self)) }
            }
            let service = try nodes[1].broker.attach(SubjectPattern("service"), queue: "q") { [broker = nodes[1].broker] message in
                if let reply = message.reply { try? broker.publish(BusMessage(subject: reply, payload: message.payload)) }
            }
            try await until { nodes[0].relay.wantedElsewhere["bob"]?.count == 2 }
            for number in 0..<2000 {
                try nodes[0].broker.publish(BusMessage(subject: try Subject("a.b"), payload: Array("\(number)".utf8)))
            }
            try await until { seen.withLock { $0.count } >= 2000 }
            #expect(seen.withLock { $0 } == (0..<2000).map(String.init))
            let requester = Requester(bus: nodes[0].broker, time: SystemTime())
            for number in 0..<20 {
                let request = BusMessage(subject: try Subject("service"), payload: Array("\(number)".utf8))
                let reply = try await requester.request(request, deadline: SystemTime().now + .seconds(60))
                #expect(reply.payload == request.payload)
            }
            attachment.cancel()
            service.cancel()
            try await until { nodes[0].relay.wantedElsewhere["bob"]?.isEmpty == true }
            let before = nodes[0].broker.statistics.relayedOutMessages
            try nodes[0].broker.publish(BusMessage(subject: try Subject("a.b")))
            #expect(nodes[0].broker.statistics.relayedOutMessages == before)
            let failure = await #expect(throws: BusError.self) {
                try await requester.request(BusMessage(subject: try Subject("service")), deadline: SystemTime().now + .seconds(60))
            }
            #expect(failure?.code == .noResponders)
        }
    }
}
