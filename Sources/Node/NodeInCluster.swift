import Foundation
import Logging
import RivuletBackbone
import RivuletBroker
import RivuletClient
import RivuletCluster
import RivuletSubscriptions

/// A node's part in its cluster: its lease, the objects it owns, the connections to other nodes, and what it knows of them.
final class NodeInCluster: Sendable {
    let ownership: ClusterOwnership
    let watch: MemberWatch
    private let relay: ClusterRelay
    private let keeper: LeaseKeeper
    private let links: NodeLinks
    private let store: any ClusterBackbone
    private let broker: Broker
    private let logger: Logger

    /// - Parameters:
    ///   - address: Where the broker listens.
    ///   - secret: What other nodes say to the broker.
    init(
        _ configuration: ClusterConfiguration, hosting kinds: HostedKinds, broker: Broker, at address: Broker.Address, secret: NodeSecret,
        sharing store: any ClusterBackbone, logger: Logger
    ) {
        let name = broker.serverName == broker.serverID ? broker.serverID : "\(broker.serverName)-\(broker.serverID)"
        let node = NodeDescription(
            name: name, address: configuration.advertisedAddress ?? Self.reachableAddress(address), secret: secret)
        let tls = broker.configuration.tls.map { ClientTLSConfiguration(servingWith: $0) }
        self.broker = broker
        self.logger = logger
        self.store = store
        keeper = LeaseKeeper(
            node, status: OwnStatus(hosting: kinds), membership: store, configuration: configuration, logger: logger)
        links = NodeLinks(from: name, bus: broker, membership: store, configuration: configuration, logger: logger) {
            try await Self.connect(to: $0, from: name, tls)
        }
        ownership = ClusterOwnership(directory: store, keeper: keeper, links: links, bus: broker, configuration: configuration)
        watch = MemberWatch(for: name, membership: store, configuration: configuration, logger: logger)
        relay = ClusterRelay(name, broker: broker, relay: store, logger: logger)
    }

    /// Whether the node has its place now.
    var isServing: Bool { ownership.isServing }

    /// Takes the node's place. If it can be told who else is there, that is known then; ``run(onLoss:)`` looks again.
    func join() async throws(StoreError) {
        try await keeper.join()
        ownership.see((try? await store.members())?.map(\.node) ?? [])
    }

    /// Tells at once how the node is. Others learn of it in time also if that fails.
    func tellOthers() async {
        do throws(StoreError) {
            try await keeper.tell()
        } catch {
            logger.debug("cannot tell other nodes", metadata: ["error": "\(error)"])
        }
    }

    /// Takes part until the task is cancelled.
    ///
    /// - Parameter onLoss: All that the node owned may be owned by others now.
    func run(onLoss: @escaping @Sendable () -> Void) async {
        let events = ClusterEvents(node: keeper.node, bus: broker)
        let observation = watch.onChange { [broker, ownership, watch, logger] changes in
            for change in changes {
                logger.log(change)
                if change.isGone { ownership.forget(node: change.node.name) }
            }
            broker.advertise(watch.members.map(\.address))
            for change in changes { events.tell(change) }
        }
        await withDiscardingTaskGroup { [keeper, links, ownership, watch, relay] group in
            group.addTask {
                await keeper.run {
                    onLoss()
                    events.tellLoss()
                }
            }
            group.addTask { await links.run() }
            group.addTask { await ownership.run() }
            group.addTask {
                await watch.run { others, suspected in
                    ownership.see(others, suspected: suspected)
                    relay.see(others)
                }
            }
            group.addTask { await relay.run() }
        }
        observation.cancel()
    }

    /// Returns when the node knows what the others' clients want, or when that takes too long.
    func ready() async {
        await relay.ready()
    }

    /// Sends what is left for the others' clients, and takes no more.
    func endRelay() {
        relay.drain()
    }

    /// Lets others have what the node owns, all at once. ``run(onLoss:)`` goes on: what is under way may need the other nodes.
    func leave() async {
        do throws(StoreError) {
            try await keeper.leave()
        } catch {
            logger.warning("could not leave the cluster; others wait until the lease has ended", metadata: ["error": "\(error)"])
        }
    }

    private static func connect(
        to node: NodeDescription, from name: String, _ tls: ClientTLSConfiguration?
    ) async throws -> NodeConnection {
        var configuration = ClientConfiguration(name: "node \(name)")
        configuration.credentials = .user(NodeLogin.user, password: node.secret.text)
        configuration.tls = tls
        configuration.usesLearnedServers = false
        configuration.maximumReconnectRounds = 0
        configuration.connectTimeout = .seconds(1)
        // A node that has stopped is not waited for.
        configuration.pingInterval = .seconds(1)
        configuration.maximumPingsOutstanding = 2
        configuration.maximumPending = 64 << 20
        let client = try await RivuletClient.connect(node.address, configuration: configuration)
        return NodeConnection(bus: client) {
            for await _ in client.status {}
        } close: {
            await client.close()
        }
    }

    /// The machine's name stands for an address that stands for all it has.
    private static func reachableAddress(_ address: Broker.Address) -> String {
        let host = ["0.0.0.0", "::"].contains(address.host) ? ProcessInfo.processInfo.hostName : address.host
        return host.contains(":") ? "[\(host)]:\(address.port)" : "\(host):\(address.port)"
    }
}

extension Logger {
    fileprivate func log(_ change: MemberChange) {
        let isTrouble = change.kind == .suspected || change.kind == .died
        let text: Logger.Message =
            switch change.kind {
            case .joined: "another node has joined"
            case .suspected: "another node gives no sign of life"
            case .recovered: "another node gives signs of life again"
            case .left: "another node has left"
            case .died: "another node has died"
            }
        log(level: isTrouble ? .warning : .info, text, metadata: ["node": "\(change.node.name)", "address": "\(change.node.address)"])
    }
}

extension ClientTLSConfiguration {
    /// As a client of nodes that serve like this one: it trusts who signs certificates, or if nobody is said to, whom the system trusts
    /// and who stands in the node's own file.
    fileprivate init(servingWith tls: BrokerTLSConfiguration) {
        self.init(authorityFile: tls.authorityFile, certificateFile: tls.certificateFile, keyFile: tls.keyFile)
        if tls.authorityFile == nil { additionalAuthorityFile = tls.certificateFile }
        handshakeFirst = tls.handshakeFirst
    }
}
