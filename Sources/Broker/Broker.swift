public import Logging
import NIOCore
import NIOPosix
public import RivuletSubscriptions
import RivuletWire
import Synchronization

/// The server part of a node: takes client connections, and brings messages from publishers to subscribers.
///
/// It is the node's ``RivuletSubscriptions/MessageBus`` as well, also when it does not listen: messages within the process are handed
/// over on the publisher's thread, those for connections are written by the connections' event loops.
public final class Broker: Sendable {
    /// Where a broker listens.
    public struct Address: Sendable, Hashable, CustomStringConvertible {
        /// The host as it was configured.
        public let host: String
        /// The port, also if it was configured as 0.
        public let port: Int
        /// `nats://host:port`
        public var description: String { "nats://\(host.contains(":") ? "[\(host)]" : host):\(port)" }
    }

    private enum State {
        case idle
        case starting
        case listening(any Channel, Address)
        case draining
        case closed
    }

    /// What the broker was made with.
    public let configuration: BrokerConfiguration
    /// The broker's identity, which no other has or had.
    public let serverID: String
    /// When the broker was made.
    public let startTime = SystemTime().wallTime
    let router: Router
    /// Changes with every message of the process, so that the members of queue groups take turns.
    let turn = Atomic<UInt64>(0)
    let registry = ConnectionRegistry()
    private let logger: Logger
    private let state = Mutex(State.idle)
    private let tls = Mutex<TLSAcceptor?>(nil)

    /// A broker that does not listen yet.
    public init(configuration: BrokerConfiguration = BrokerConfiguration(), logger: Logger) {
        self.configuration = configuration
        self.logger = logger
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
        serverID = "N" + String((0..<55).compactMap { _ in alphabet.randomElement() })
        router = Router(configuration)
    }

    /// What the broker has done until now.
    public var statistics: BrokerStatistics {
        let counters = router.counters
        return BrokerStatistics(
            connections: registry.count,
            totalConnections: counters.totalConnections.load(ordering: .relaxed),
            subscriptions: router.interest.count,
            inMessages: counters.inMessages.load(ordering: .relaxed),
            inBytes: counters.inBytes.load(ordering: .relaxed),
            outMessages: counters.outMessages.load(ordering: .relaxed),
            outBytes: counters.outBytes.load(ordering: .relaxed),
            pendingBytes: registry.pendingBytes,
            slowConsumers: counters.slowConsumers.load(ordering: .relaxed))
    }

    /// What the broker is doing.
    public var status: Status {
        state.withLock { state in
            switch state {
            case .idle, .starting: .idle
            case .listening(_, let address): .listening(address)
            case .draining: .draining
            case .closed: .closed
            }
        }
    }

    var isClosed: Bool {
        state.withLock { if case .closed = $0 { true } else { false } }
    }

    /// Listens for clients.
    ///
    /// - Returns: Where it listens.
    /// - Throws: ``BrokerError``, for example when the port is taken.
    @discardableResult
    public func start() async throws(BrokerError) -> Address {
        let isIdle = state.withLock { state in
            guard case .idle = state else { return false }
            state = .starting
            return true
        }
        guard isIdle else { throw BrokerError(.wrongState, "the broker was started before, or is closed") }
        let channel: any Channel
        do {
            if let configuration = configuration.tls {
                let acceptor = try await TLSAcceptor.open(configuration)
                tls.withLock { $0 = acceptor }
            }
            channel = try await listen()
        } catch {
            state.withLock { state in if case .starting = state { state = .idle } }
            throw Self.error(for: error, configuration)
        }
        let address = Address(host: configuration.host, port: channel.localAddress?.port ?? configuration.port)
        let wasClosed = state.withLock { state in
            guard case .starting = state else { return true }
            state = .listening(channel, address)
            return false
        }
        if wasClosed {
            try? await channel.close().get()
            throw BrokerError(.wrongState, "the broker was closed while it started")
        }
        warn(of: configuration.auth)
        return address
    }

    /// Disconnects everybody at once and closes the bus. Returns when that is done; safe to call more than once.
    public func shutdown() async {
        let channel = state.withLock { state -> (any Channel)? in
            defer { state = .closed }
            guard case .listening(let channel, _) = state else { return nil }
            return channel
        }
        try? await channel?.close().get()
        registry.closeAll()
        await registry.waitUntilEmpty(atMost: configuration.closeGrace)
    }

    /// Changes who may connect and what they may do. Clients that are connected stay if the new settings let them in with what they said
    /// when they logged in; what they may do changes at once, and subscriptions they may not have any more end. Returns before all
    /// clients are told.
    ///
    /// - Parameter timeout: How long connections that come from now on may take to be let in; nil for as long as before.
    public func reload(auth: AuthConfiguration?, timeout: Duration? = nil) {
        warn(of: auth)
        router.gate.change(to: auth, timeout: timeout)
        registry.signal(.settingsChanged)
    }

    /// Reads certificates and keys anew, also from other files. New connections use them, those there are go on with the old ones. A broker
    /// that was started without TLS cannot begin with it.
    ///
    /// - Throws: ``BrokerError`` `cannotUseTLS`; then everything stays as it was.
    public func reload(tls configuration: BrokerTLSConfiguration) async throws(BrokerError) {
        guard let acceptor = tls.withLock({ $0 }) else { throw BrokerError(.cannotUseTLS, "the broker was started without TLS") }
        try await acceptor.reload(configuration)
    }

    private func warn(of auth: AuthConfiguration?) {
        let secrets = auth?.secrets ?? []
        let plain = secrets.count { !$0.isHashed }
        if plain > 0 {
            logger.warning("passwords or tokens are configured in plain text; use bcrypt hashes", metadata: ["count": "\(plain)"])
        }
        if plain < secrets.count, !Bcrypt.isAvailable {
            logger.error("this system cannot check bcrypt hashes: nobody gets in with them")
        }
    }

    /// Takes no new connections.
    func stopListening() async {
        let channel = state.withLock { state -> (any Channel)? in
            guard case .listening(let channel, _) = state else { return nil }
            state = .draining
            return channel
        }
        try? await channel?.close().get()
    }

    private func listen() async throws -> any Channel {
        let router = router
        let registry = registry
        let logger = logger
        var info = serverInfo()
        let tls = tls.withLock { $0 }
        info.tlsRequired = tls != nil
        return try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.backlog, value: 1024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(.maxMessagesPerRead, value: 1)
            .childChannelOption(.autoRead, value: false)
            .childChannelOption(
                .recvAllocator, value: AdaptiveRecvByteBufferAllocator(minimum: 2048, initial: 8192, maximum: 262_144)
            )
            .childChannelInitializer { [info] channel in
                channel.eventLoop.makeCompletedFuture {
                    var info = info
                    info.port = channel.localAddress?.port ?? info.port
                    let outbox = Outbox(id: registry.makeID(), channel: channel, configuration: router.configuration) {
                        router.counters.slowConsumers.wrappingAdd(1, ordering: .relaxed)
                    }
                    let session = Session(outbox: outbox, router: router, tls: tls, info: info, logger: logger)
                    let handler = ConnectionHandler(session: session, router: router, registry: registry, tls: tls, logger: logger)
                    try channel.pipeline.syncOperations.addHandler(handler)
                }
            }
            .bind(host: configuration.host, port: configuration.port)
            .get()
    }

    private func serverInfo() -> ServerInfo {
        ServerInfo(
            serverID: serverID, serverName: serverName, rivulet: configuration.productVersion, host: configuration.host,
            port: configuration.port,
            maxPayload: configuration.limits.payload)
    }

    private static func error(for error: any Error, _ configuration: BrokerConfiguration) -> BrokerError {
        if let error = error as? BrokerError { return error }
        let place = Address(host: configuration.host, port: configuration.port)
        if let error = error as? IOError, error.errnoCode == EADDRINUSE {
            return BrokerError(.addressInUse, "cannot listen at \(place): another program does; choose another port", cause: error)
        }
        return BrokerError(.cannotListen, "cannot listen at \(place): \(error)", cause: error)
    }
}
