import RivuletBackbone
import RivuletBroker
import RivuletCluster
import RivuletContract
import RivuletObjects
import RivuletSubscriptions
import RivuletTesting
import RivuletWire
import TestSupport
import Testing

@Suite("Events of objects across nodes", .timeLimit(.minutes(2)))
struct RelayEventTests {
    @Test("durable events come once, events that are not kept cross, and all nodes answer service tools")
    func events() async throws {
        try await withRelays(queue: nil, exercise)
    }

    @Test("of a queue group one member at each node gets a durable event")
    func queueGroups() async throws {
        try await withRelays(queue: "workers") { cluster, inboxes in
            try await exerciseTally(cluster) { inboxes.allSatisfy { $0.reduce(0) { $0 + $1.all.count } >= 5 } }
            for inboxes in inboxes {
                let numbers = inboxes.flatMap(\.all).compactMap { $0.headers["Nats-Sequence"] }
                #expect(numbers.sorted() == ["1", "2", "3", "4", "5"])
            }
        }
    }

    /// Runs `body` with two nodes, at each of which two follow all events.
    private func withRelays(
        queue: String?, _ body: @escaping @Sendable (SeveralHosts, [[Inbox]]) async throws -> Void
    ) async throws {
        try await withHosts(2, hosting: Tally.self, Lamp.self) { cluster in
            let inboxes = [[Inbox(), Inbox()], [Inbox(), Inbox()]]
            let attachments = try zip(cluster.hosts, inboxes).flatMap { host, inboxes in
                try inboxes.map { try host.broker.attach(SubjectPattern("evt.>"), queue: queue, $0.receive) }
            }
            let relays = cluster.hosts.map {
                ClusterRelay($0.name, broker: $0.broker, relay: cluster.backbone, logger: quiet)
            }
            let members = try await cluster.backbone.members().map(\.node)
            for relay in relays { relay.see(members) }
            await withTaskGroup(of: Void.self) { group in
                for relay in relays { group.addTask { await relay.run() } }
                for relay in relays { await relay.ready() }
                do {
                    try await body(cluster, inboxes)
                } catch {
                    Issue.record(error)
                }
                for relay in relays { relay.drain() }
            }
            for attachment in attachments { attachment.cancel() }
        }
    }

    /// Has an object publish five events, and waits for what comes of it.
    private func exerciseTally(_ cluster: SeveralHosts, _ condition: () -> Bool) async throws {
        for _ in 0..<5 { _ = try await cluster[0].object("Tally", "a").ask(Increase()) }
        // The other node looks for events now and then, within the time that the leases last.
        try await until {
            if cluster.time.now < .seconds(3) { cluster.time.advance(by: .milliseconds(2)) }
            return condition()
        }
    }

    @Sendable private func exercise(_ cluster: SeveralHosts, _ inboxes: [[Inbox]]) async throws {
        let inboxes = inboxes.flatMap { $0 }
        try await exerciseTally(cluster) { inboxes.allSatisfy { $0.all.count >= 5 } }
        let previous = cluster[0].broker.statistics.relayedOutMessages
        _ = try await cluster[0].object("Lamp", "a").ask(Increase())
        for inbox in inboxes { try await until { inbox.all.count >= 6 } }
        #expect(cluster[0].broker.statistics.relayedOutMessages == previous + 1)
        for inbox in inboxes {
            let durable = inbox.all.filter { $0.headers["Nats-Sequence"] != nil }
            #expect(durable.map { $0.headers["Nats-Sequence"] } == ["1", "2", "3", "4", "5"])
            #expect(inbox.all.map(\.subject.description).filter { $0.hasPrefix("evt.Lamp") } == ["evt.Lamp.a.Increased"])
        }
        let answers = Inbox()
        let attachment = try cluster[0].broker.attach(SubjectPattern("_INBOX.ping"), queue: nil, answers.receive)
        try cluster[0].broker.publish(BusMessage(subject: try Subject("$SRV.PING.Tally"), reply: try Subject("_INBOX.ping")))
        try await until { answers.all.count == 2 }
        attachment.cancel()
    }
}

/// Keeps nothing.
struct Lamp: ServiceObject {
    struct State: Codable, Sendable { var total = 0 }
    static let configuration = ObjectConfiguration(persistence: .none)
    var state = State()

    static var handlers: Handlers<Self> {
        Handle(Increase.self) { object, _, turn in
            object.state.total += 1
            turn.publish(Increased(total: object.state.total))
            return object.state.total
        }
    }
}
