public import Logging
import NIOCore
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
        /// What speaks there: `nats`, `ws` or `wss`.
        public let scheme: String
        /// `scheme://host:port`
        public var description: String { "\(scheme)://\(host.contains(":") ? "[\(host)]" : host):\(port)" }
    }

    private struct Listeners {
        let tcp: Listener
        let webSocket: Listener?

        func close() async {
            await tcp.close()
            await webSocket?.close()
        }
    }

    private enum State {
        case idle
        case starting
        case listening(Listeners)
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
    private let others = OtherServers()
    private let upgrades: PendingUpgrades
    private let logger: Logger
    private let state = Mutex(State.idle)
    private let acceptors = Mutex(TLSAcceptors())

    /// A broker that does not listen yet.
    public init(configuration: BrokerConfiguration = BrokerConfiguration(), logger: Logger) {
        self.configuration = configuration
        self.logger = logger
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
        serverID = "N" + String((0..<55).compactMap { _ in alphabet.randomElement() })
        router = Router(configuration)
        router.gate.admitNodes(saying: configuration.nodeKey)
        upgrades = PendingUpgrades(limit: configuration.maximumConnections)
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
            case .listening(let listeners): .listening(listeners.tcp.address)
            case .draining: .draining
            case .closed: .closed
            }
        }
    }

    /// Where the broker takes WebSocket connections; nil if it does not, or does not listen.
    public var webSocketAddress: Address? {
        state.withLock { state in
            guard case .listening(let listeners) = state else { return nil }
            return listeners.webSocket?.address
        }
    }

    var isClosed: Bool {
        state.withLock { if case .closed = $0 { true } else { false } }
    }

    /// Listens for clients.
    ///
    /// - Returns: Where it listens for those that connect by TCP.
    /// - Throws: ``BrokerError``, for example when the port is taken.
    @discardableResult
    public func start() async throws(BrokerError) -> Address {
        let isIdle = state.withLock { state in
            guard case .idle = state else { return false }
            state = .starting
            return true
        }
        guard isIdle else { throw BrokerError(.wrongState, "the broker was started before, or is closed") }
        let listeners: Listeners
        do throws(BrokerError) {
            let opened = try await TLSAcceptors.open(configuration)
            acceptors.withLock { $0 = opened }
            listeners = try await listen(opened)
        } catch {
            state.withLock { state in if case .starting = state { state = .idle } }
            throw error
        }
        let wasClosed = state.withLock { state in
            guard case .starting = state else { return true }
            state = .listening(listeners)
            return false
        }
        if wasClosed {
            await listeners.close()
            throw BrokerError(.wrongState, "the broker was closed while it started")
        }
        warn(of: configuration.auth)
        return listeners.tcp.address
    }

    /// Disconnects everybody at once and closes the bus. Returns when that is done; safe to call more than once.
    public func shutdown() async {
        let listeners = state.withLock { state -> Listeners? in
            defer { state = .closed }
            guard case .listening(let listeners) = state else { return nil }
            return listeners
        }
        await listeners?.close()
        upgrades.closeAll()
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

    /// Tells clients where else they may connect, now and as they come: INFO's `connect_urls`. Those that come by WebSocket are not told.
    ///
    /// - Parameter others: `host:port` each.
    public func advertise(_ others: [String]) {
        if self.others.become(others) { registry.signal(.othersChanged) }
    }

    /// Reads certificates and keys anew, also from other files. New connections use them, those there are go on with the old ones. Where
    /// the broker was started without TLS, or WebSockets without their own, it cannot begin with it.
    ///
    /// - Parameters:
    ///   - tls: For all connections that have no settings of their own; nil to leave it as it is.
    ///   - webSocket: For WebSocket connections, where they have their own; nil to leave it as it is.
    /// - Throws: ``BrokerError`` `cannotUseTLS`; then everything stays as it was.
    public func reload(tls: BrokerTLSConfiguration? = nil, webSocket: BrokerTLSConfiguration? = nil) async throws(BrokerError) {
        try await acceptors.withLock { $0 }.reload(tls, webSocket: webSocket)
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
        let listeners = state.withLock { state -> Listeners? in
            guard case .listening(let listeners) = state else { return nil }
            state = .draining
            return listeners
        }
        await listeners?.close()
        upgrades.closeAll()
    }

    private func listen(_ acceptors: TLSAcceptors) async throws(BrokerError) -> Listeners {
        let tls = acceptors.all
        var info = serverInfo()
        info.tlsRequired = tls != nil
        info.tlsVerify = tls.map { $0.configuration.clientCertificates != .ignored } ?? false
        let place = Address(host: configuration.host, port: configuration.port, scheme: "nats")
        let tcp = try await Listener.open(at: place) { [makeConnection, info, others] channel in
            try channel.pipeline.syncOperations.addHandler(makeConnection(channel, info, others, tls, tls, tls == nil))
        }
        guard let webSocket = configuration.webSocket else { return Listeners(tcp: tcp, webSocket: nil) }
        do throws(BrokerError) {
            return Listeners(tcp: tcp, webSocket: try await listen(webSocket, acceptors.webSocket ?? tls, info))
        } catch {
            await tcp.close()
            throw error
        }
    }

    private func listen(
        _ webSocket: WebSocketConfiguration, _ tls: TLSAcceptor?, _ info: ServerInfo
    ) async throws(BrokerError) -> Listener {
        let tls = webSocket.encrypts ? tls : nil
        let place = Address(host: webSocket.host ?? configuration.host, port: webSocket.port, scheme: tls == nil ? "ws" : "wss")
        if tls == nil, !place.isLoopback { logger.warning("WebSocket connections are not encrypted", metadata: ["host": "\(place.host)"]) }
        var info = info
        info.tlsRequired = tls != nil
        info.tlsVerify = false
        info.host = place.host
        let handshake = WebSocketHandshake(configuration: webSocket, isEncrypted: tls != nil)
        return try await Listener.open(at: place) { [makeConnection, upgrades, configuration, logger, info] channel in
            if let tls { try channel.pipeline.syncOperations.addHandler(tls.makeHandler()) }
            let handler = WebSocketUpgradeHandler(handshake, upgrades: upgrades, closeGrace: configuration.closeGrace, logger: logger) {
                // It is encrypted already, if it is to be.
                makeConnection($0, info, nil, tls, nil, false)
            }
            try handler.add(to: channel)
        }
    }

    /// Makes what handles a connection.
    private var makeConnection:
        @Sendable (any Channel, ServerInfo, OtherServers?, _ session: TLSAcceptor?, _ handler: TLSAcceptor?, _ isPlain: Bool)
            -> ConnectionHandler
    {
        { [router, registry, logger] channel, info, others, sessionTLS, handlerTLS, isPlain in
            var info = info
            info.port = channel.localAddress?.port ?? info.port
            let outbox = Outbox(
                id: registry.makeID(), channel: channel, writesDirectly: isPlain, configuration: router.configuration
            ) {
                router.counters.slowConsumers.wrappingAdd(1, ordering: .relaxed)
            }
            let session = Session(outbox: outbox, router: router, tls: sessionTLS, info: info, others: others, logger: logger)
            return ConnectionHandler(session: session, router: router, registry: registry, tls: handlerTLS, logger: logger)
        }
    }

    private func serverInfo() -> ServerInfo {
        ServerInfo(
            serverID: serverID, serverName: serverName, rivulet: configuration.productVersion, language: "swift", host: configuration.host,
            port: configuration.port,
            maxPayload: configuration.limits.payload)
    }
}

extension Broker.Address {
    /// Whether only programs of this machine reach it.
    fileprivate var isLoopback: Bool { host == "localhost" || host == "::1" || host.hasPrefix("127.") }
}
