public import Logging
import RivuletBackbone
public import RivuletBroker
import RivuletCluster
public import RivuletMonitoring
public import RivuletObjects
public import ServiceLifecycle
import Synchronization

/// A node: a broker, the objects it hosts, and the store behind them, as one service.
///
/// ```swift
/// let node = Node(configuration: .init(port: 4222, store: .sqlite("game.sqlite")), hosting: Casino.self, GameTable.self, logger: logger)
/// try await ServiceGroup(services: [node], gracefulShutdownSignals: [.sigterm, .sigint], logger: logger).run()
/// ```
public final class Node: Service {
    private let configuration: NodeConfiguration
    /// Those of the program that the node hosts.
    private let kinds: HostedKinds
    private let dependencies: Dependencies
    private let logger: Logger
    private let listening = Listening()
    private let broker: Broker
    /// What other nodes say to be let in.
    private let secret = NodeSecret.random()

    /// A node that does nothing until ``run()``.
    ///
    /// - Parameters:
    ///   - objects: The kinds of objects it hosts; in a cluster, without those that want a label which the node does not have.
    ///   - dependencies: What their turns can ask for.
    public init(
        configuration: NodeConfiguration = NodeConfiguration(), hosting objects: [any ServiceObject.Type],
        dependencies: Dependencies = Dependencies(), logger: Logger
    ) {
        self.configuration = configuration
        kinds = HostedKinds(of: objects, labels: configuration.cluster.map(\.labels))
        self.dependencies = dependencies
        self.logger = logger
        var settings = configuration.broker
        if configuration.cluster != nil { settings.nodeKey = Secret(secret.text) }
        broker = Broker(configuration: settings, logger: logger)
    }

    /// A node that does nothing until ``run()``.
    public convenience init(
        configuration: NodeConfiguration = NodeConfiguration(), hosting objects: any ServiceObject.Type...,
        dependencies: Dependencies = Dependencies(), logger: Logger
    ) {
        self.init(configuration: configuration, hosting: objects, dependencies: dependencies, logger: logger)
    }

    /// Where the node listens; waits until it does.
    ///
    /// - Throws: `CancellationError` when the node stopped or could not start, or the task is cancelled.
    public var address: Broker.Address {
        get async throws { try await listening.places().broker }
    }

    /// Where the node takes WebSocket connections; nil if it does not, or does not listen.
    public var webSocketAddress: Broker.Address? { broker.webSocketAddress }

    /// Where monitoring is served; waits until the node listens. nil if it is not.
    ///
    /// - Throws: `CancellationError` when the node stopped or could not start, or the task is cancelled.
    public var monitoringAddress: MonitoringAddress? {
        get async throws { try await listening.places().monitoring }
    }

    /// Changes who may connect and what they may do; see ``RivuletBroker/Broker/reload(auth:timeout:)``.
    public func reload(auth: AuthConfiguration?, timeout: Duration? = nil) {
        broker.reload(auth: auth, timeout: timeout)
    }

    /// Reads certificates and keys anew; see ``RivuletBroker/Broker/reload(tls:webSocket:)``.
    public func reload(tls: BrokerTLSConfiguration? = nil, webSocket: BrokerTLSConfiguration? = nil) async throws(BrokerError) {
        try await broker.reload(tls: tls, webSocket: webSocket)
    }

    /// Opens the store, listens, and serves until a graceful shutdown or cancellation; then drains. In a cluster it listens before it takes
    /// its place there, so that others can reach it from then on; objects are served after that.
    ///
    /// - Throws: `StoreError` before it listens when the store cannot be opened, `BrokerError` when it cannot listen, `MonitoringError`
    ///   when monitoring cannot, ``SettingError`` when the store cannot be shared.
    public func run() async throws {
        defer { listening.end() }
        let backbone = try await OpenBackbone.open(configuration, logger: logger)
        do {
            if let cluster = configuration.cluster { try await run(on: backbone, in: cluster) } else { try await run(on: backbone) }
        } catch {
            await broker.shutdown()
            await backbone.close()
            throw error
        }
        await backbone.close()
        logger.info("stopped")
    }

    private func run(on backbone: OpenBackbone) async throws {
        let host = makeHost(backbone, nil)
        try await whileRunning(host) {
            try await host.start()
            let address = try await broker.start()
            try await serve(host, at: address, in: nil)
        }
    }

    private func run(on backbone: OpenBackbone, in cluster: ClusterConfiguration) async throws {
        guard let shared = backbone.cluster else { throw SettingError.memoryInCluster }
        let address = try await broker.start()
        let place = NodeInCluster(
            cluster, hosting: kinds, broker: broker, at: address, secret: secret, sharing: shared, logger: logger)
        let host = makeHost(backbone, place.ownership)
        try await place.join()
        do {
            try await withThrowingDiscardingTaskGroup { group in
                group.addTask { await place.run(onLoss: host.loseAll) }
                defer { group.cancelAll() }
                try await whileRunning(host) {
                    try await host.start()
                    await place.ready()
                    try await serve(host, at: address, in: place)
                }
            }
        } catch {
            await place.leave()
            throw error
        }
    }

    private func makeHost(_ backbone: OpenBackbone, _ ownership: (any ObjectOwnership)?) -> ObjectHost {
        var objects = configuration.objects
        // Without a cluster the node has the store to itself.
        objects.isOnlyCommitter = ownership == nil
        return ObjectHost(
            hosting: kinds.types, bus: broker, store: backbone.store, log: backbone.log, ownership: ownership, dependencies: dependencies,
            configuration: objects, logger: logger)
    }

    /// Runs the host until `body` is done; whoever throws leaves it drained.
    private func whileRunning(_ host: ObjectHost, _ body: () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await host.run() }
            do {
                try await body()
            } catch {
                await host.drain()
                throw error
            }
        }
    }

    private func serve(_ host: ObjectHost, at address: Broker.Address, in cluster: NodeInCluster?) async throws {
        guard let monitoring = configuration.monitoring else {
            return await serve(host, at: address, in: cluster, monitoring: nil)
        }
        let server = MonitoringServer(
            configuration: monitoring, broker: broker,
            trouble: { cluster.flatMap { $0.isServing ? nil : "the node has lost its place in the cluster" } },
            metrics: { ObjectMetrics.families(host.statistics) + (cluster.map { ClusterMetrics.families($0) } ?? []) }, logger: logger)
        try await server.whileListening { await serve(host, at: address, in: cluster, monitoring: $0) }
    }

    private func serve(_ host: ObjectHost, at address: Broker.Address, in cluster: NodeInCluster?, monitoring: MonitoringAddress?) async {
        var metadata: Logger.Metadata = [
            "store": "\(configuration.store)", "kinds": "\(kinds.types.map { $0.kind }.joined(separator: ","))",
        ]
        if let webSocket = broker.webSocketAddress { metadata["websocket"] = "\(webSocket)" }
        if let monitoring { metadata["monitoring"] = "\(monitoring)" }
        logger.info("listening on \(address)", metadata: metadata)
        listening.begin(address, monitoring: monitoring)
        // Cancellation is the impatient form of the same wish.
        try? await gracefulShutdown()
        logger.info("draining")
        // Clients are told and may leave while the turns under way are answered. A turn that takes too long is cancelled while its
        // caller can still be told.
        let patience = configuration.broker.lameDuckDuration * 3 / 4
        cluster?.ownership.prepareToLeave()
        await broker.drain {
            async let told: Void? = cluster?.tellOthers()
            await host.drain(patience: patience)
            await told
            await cluster?.leave()
        }
        cluster?.endRelay()
        await broker.shutdown()
    }
}
