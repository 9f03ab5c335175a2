import Logging
import RivuletBackbone
import RivuletBroker
import RivuletCluster
import RivuletObjects
import RivuletSubscriptions
import RivuletTesting
import Synchronization

/// Nodes of one process that share a store in memory and a time that stands still until the test moves it.
final class SeveralHosts: Sendable {
    let time: ManualTime
    let backbone: InMemoryBackbone
    let hosts: [Host]

    /// - Parameter labels: Those of the hosts that have some, by number.
    init(_ count: Int, hosting kinds: [any ServiceObject.Type], labels: [Int: Set<String>] = [:], _ dependencies: Dependencies) {
        let time = ManualTime()
        let backbone = InMemoryBackbone(time: time)
        let directory = HostDirectory()
        self.time = time
        self.backbone = backbone
        hosts = (0..<count).map {
            Host("node\($0)", HostedKinds(of: kinds, labels: labels[$0] ?? []), backbone, time, directory, dependencies)
        }
        directory.hosts.withLock { $0 = Dictionary(uniqueKeysWithValues: hosts.map { ($0.name, WeakHost(host: $0)) }) }
    }

    /// Has every host tell how it is, and learn how the others are.
    func acquaint() async throws {
        for host in hosts { try await host.keeper.tell() }
        let members = try await backbone.members().map(\.node)
        for host in hosts { host.ownership.see(members) }
    }

    /// How many objects are active at each host.
    func activeCounts() async -> [Int] {
        for host in hosts { await host.objects.settle() }
        return hosts.map(\.objects.activeCount)
    }

    /// Moves the time on while `body` runs, during which some of the hosts give signs of life.
    func whileTimePasses<Result: Sendable>(
        keeping hosts: Host..., body: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        try await withThrowingTaskGroup(of: Result?.self) { group in
            for host in hosts {
                group.addTask {
                    await host.keeper.run(onLoss: host.objects.loseAll)
                    return nil
                }
            }
            group.addTask { try await body() }
            group.addTask { [time] in
                while !Task.isCancelled {
                    // Whoever can go on without the time does so first.
                    for _ in 0..<50 { await Task.yield() }
                    // The keepers' threads may be late on a busy machine, and this time would not wait for them.
                    for host in hosts { try? await host.keeper.tell() }
                    time.advance(by: .milliseconds(50))
                }
                return nil
            }
            defer { group.cancelAll() }
            while let result = try await group.next() {
                if let result { return result }
            }
            throw CancellationError()
        }
    }

    subscript(number: Int) -> Host { hosts[number] }
}

struct WeakHost: Sendable {
    weak let host: Host?
}

final class HostDirectory: Sendable {
    let hosts = Mutex<[String: WeakHost]>([:])
}

/// One of them.
final class Host: Sendable {
    let name: String
    let broker: Broker
    let objects: ObjectHost
    let keeper: LeaseKeeper
    let links: NodeLinks
    let ownership: ClusterOwnership
    /// Ends with the host's death: what follows the connections to it.
    private let death = Mutex<[BoundedChannel<Void>]>([])
    private let isDead = Mutex(false)

    init(
        _ name: String, _ kinds: HostedKinds, _ backbone: InMemoryBackbone, _ time: ManualTime, _ others: HostDirectory,
        _ dependencies: Dependencies
    ) {
        self.name = name
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        broker = Broker(configuration: BrokerConfiguration(), logger: logger)
        keeper = LeaseKeeper(
            NodeDescription(name: name, address: name), status: OwnStatus(hosting: kinds), membership: backbone, time: time, logger: logger)
        links = NodeLinks(from: name, bus: broker, membership: backbone, time: time, logger: logger) { node in
            guard let other = others.hosts.withLock({ $0[node.name]?.host }), !other.isDead.withLock({ $0 }) else {
                throw BusError(.disconnected, "\(node.name) is dead")
            }
            return other.connection()
        }
        ownership = ClusterOwnership(directory: backbone, keeper: keeper, links: links, bus: broker, time: time)
        objects = ObjectHost(
            hosting: kinds.types, bus: broker, store: backbone, log: backbone, ownership: ownership, time: time,
            dependencies: dependencies, logger: logger)
    }

    private func connection() -> NodeConnection {
        let end = BoundedChannel<Void>(capacity: 1, whenFull: .dropNewest)
        death.withLock { $0.append(end) }
        return NodeConnection(bus: MortalBus(broker: broker, isDead: { self.isDead.withLock { $0 } })) {
            do { for try await _ in end {} } catch {}
        } close: {
        }
    }

    /// As `kill -9` does: connections break, signs of life end, nothing is handed over.
    func die() {
        isDead.withLock { $0 = true }
        for end in death.withLock({ $0 }) { end.finish() }
    }

    func object(_ kind: String, _ id: String) -> RemoteObject { objects.object(kind, id) }
}

/// Whom what was handed on comes from.
private final class OtherHost: MessageOrigin {
    static let any = OtherHost()
    let isNode = true
    let receivingThread: (any DeliveringThread)? = nil

    func mayReceive(_ subject: Subject) -> Bool { true }
    func maySubscribe(to pattern: SubjectPattern) -> Bool { true }
}

/// Carries nothing more to a node that is dead.
private struct MortalBus: MessageBus {
    let broker: Broker
    let isDead: @Sendable () -> Bool

    func publish(_ message: BusMessage) throws(BusError) {
        if isDead() { throw BusError(.disconnected, "the node is dead") }
        var message = message
        message.origin = OtherHost.any
        try broker.publish(message)
    }

    func attach(
        _ pattern: SubjectPattern, queue: String?, _ receive: @escaping @Sendable (BusMessage) -> Void
    ) throws(BusError) -> Attachment {
        try broker.attach(pattern, queue: queue, receive)
    }
}

/// Runs `body` with several hosts, which have joined and serve.
func withHosts(
    _ count: Int, hosting kinds: any ServiceObject.Type..., labels: [Int: Set<String>] = [:],
    dependencies: Dependencies = Dependencies(),
    body: @escaping @Sendable (SeveralHosts) async throws -> Void
) async throws {
    let cluster = SeveralHosts(count, hosting: kinds, labels: labels, dependencies)
    for host in cluster.hosts {
        try await host.keeper.join()
        try await host.objects.start()
    }
    try await cluster.acquaint()
    try await withThrowingTaskGroup(of: Void.self) { group in
        for host in cluster.hosts {
            group.addTask { await host.objects.run() }
            group.addTask { await host.links.run() }
            group.addTask { await host.ownership.run() }
        }
        defer { group.cancelAll() }
        do {
            try await body(cluster)
        } catch {
            for host in cluster.hosts { await host.objects.drain() }
            throw error
        }
        for host in cluster.hosts { await host.objects.drain() }
    }
}
