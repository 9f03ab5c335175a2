import RivuletWire

/// The protocol of one client connection, as a value: what happens goes in, what is to be done comes out.
struct ConnectionMachine {
    enum Event {
        /// The client's first byte.
        case begun(with: UInt8)
        /// The client's CONNECT, or why it cannot be read.
        case connect(Result<ConnectOptions, WireError>)
        case publish(hasHeaders: Bool)
        /// The client wants one more subscription than `count`.
        case subscribe(count: Int)
        case unsubscribe
        case ping
        case pong
        /// The client reports an error.
        case error
        /// What the client sent is no protocol.
        case unreadable(WireError)
        /// The client has sent `total` bytes in all.
        case received(total: Int)
        /// It is time to ask for a sign of life.
        case pingDue
        /// It is time that the client has sent CONNECT and is let in.
        case connectDue
        /// Whether the client is let in, or may stay, is decided.
        case login(accepted: Bool)
        /// Who may connect, and what they may do, has changed.
        case settingsChanged
        /// The time for which the client was let in is over.
        case loginExpired
        /// There are as many connections as there may be; another node's finds a place all the same.
        case crowded
        /// What INFO says has changed.
        case infoChanged
        /// The server does not want the connection, or not any more.
        case refused(WireError?)
        /// The server is going to leave.
        case lameDuck
    }

    enum Action: Equatable {
        case nothing
        /// Carry out the operation; first acknowledge it, if the client wants that. What is not allowed is not acknowledged.
        case carryOut(acknowledge: Bool)
        /// Find out whether the client is let in. Until `login` tells, nothing that it sends is to be read.
        case authenticate
        /// Find out whether the client, which was let in before, may stay; go on meanwhile.
        case reconsider
        /// Write PONG.
        case pong
        /// Write PONG, and then the state of the server anew.
        case pongAndInform
        /// Write PING.
        case ping
        /// Write the state of the server anew.
        case inform
        /// Write the error, and go on.
        case report(WireError)
        /// Write what is left and the error, and close. Nothing more the client sends counts.
        case end(WireError?)
    }

    private enum Phase {
        case connecting
        case authenticating
        /// The same, but the client did not CONNECT first.
        case admitting
        case connected
        case ended
    }

    let configuration: BrokerConfiguration
    private(set) var options = ConnectOptions.assumed
    private let requiresLogin: Bool
    /// Whether there is no place for it any more, unless it is another node.
    private var isForNodesOnly = false
    private var phase = Phase.connecting
    private var pingsOutstanding = 0
    /// Whether the client knows that it is connected: its first PING was answered, as which it takes the next line after it,
    /// or it has answered one itself.
    private var isGreeted = false
    /// Whether INFO has changed before.
    private var owesInfo = false

    /// - Parameter requiresLogin: Whether CONNECT has to be judged.
    init(_ configuration: BrokerConfiguration, requiresLogin: Bool = false) {
        self.configuration = configuration
        self.requiresLogin = requiresLogin
    }

    /// Whether the client must CONNECT before it does anything else.
    var requiresConnect: Bool { requiresLogin || isForNodesOnly || configuration.requiresConnect }

    /// Whether the connection is being closed.
    var hasEnded: Bool { phase == .ended }

    /// Whether each `publish(hasHeaders: false)` is to be carried out, and nothing else is to be done about it.
    var takesPublishesSilently: Bool {
        phase == .connected && !options.verbose && !options.pedantic
    }

    /// Whether what the client sent has to wait until it is let in.
    var isAuthenticating: Bool { phase == .authenticating || phase == .admitting }

    /// Whether the client has to CONNECT now, and is given little room until then.
    var isAwaitingConnect: Bool { requiresConnect && phase == .connecting }

    mutating func handle(_ event: Event) -> Action {
        if phase == .ended { return .nothing }
        if mustConnect(before: event) { return end(isForNodesOnly ? .maximumConnectionsExceeded : .authorizationViolation) }
        switch event {
        case .begun(let byte):
            // Whoever does not CONNECT first says nothing of who they are, which may be enough.
            guard requiresLogin, !isForNodesOnly, phase == .connecting, byte | 0x20 != UInt8(ascii: "c") else { return .nothing }
            phase = .admitting
            return .authenticate
        case .connect(let result): return connect(result)
        case .publish(let hasHeaders):
            if hasHeaders, !options.headers { return end(.headersNotSupported) }
            return .carryOut(acknowledge: options.verbose)
        case .subscribe(let count):
            if count >= configuration.maximumSubscriptions { return .report(.maximumSubscriptionsExceeded) }
            return .carryOut(acknowledge: options.verbose)
        case .unsubscribe: return .carryOut(acknowledge: options.verbose)
        case .ping: return greet() ? .pongAndInform : .pong
        case .pong:
            pingsOutstanding = 0
            return greet() ? .inform : .nothing
        case .error: return end(nil)
        case .unreadable(let error): return end(error)
        case .received(let total):
            return isAwaitingConnect && total > configuration.maximumBytesBeforeConnect ? end(.authorizationViolation) : .nothing
        case .pingDue:
            if pingsOutstanding >= configuration.maximumPingsOutstanding { return end(.staleConnection) }
            pingsOutstanding += 1
            return .ping
        case .connectDue:
            return requiresConnect && phase != .connected ? end(.authenticationTimeout) : .nothing
        case .login(let accepted):
            guard accepted else { return end(.authorizationViolation) }
            guard isAuthenticating else { return .nothing }
            defer { phase = .connected }
            return .carryOut(acknowledge: options.verbose && phase == .authenticating)
        case .settingsChanged:
            switch phase {
            case .connected: return .reconsider
            // It is served without saying who it is, which may not be enough any more.
            case .connecting where !requiresLogin: return .reconsider
            case .connecting, .authenticating, .admitting, .ended: return .nothing
            }
        case .loginExpired: return end(.authenticationExpired)
        case .crowded:
            isForNodesOnly = true
            return .nothing
        case .refused(let error): return end(error)
        case .lameDuck, .infoChanged:
            guard isGreeted else {
                owesInfo = true
                return .nothing
            }
            return options.proto >= 1 ? .inform : .nothing
        }
    }

    /// Whether the client is to be told now how INFO has changed before.
    private mutating func greet() -> Bool {
        guard phase == .connected, !isGreeted else { return false }
        isGreeted = true
        return owesInfo && options.proto >= 1
    }

    private mutating func connect(_ result: Result<ConnectOptions, WireError>) -> Action {
        switch result {
        case .failure(let error): return end(error)
        case .success(let options):
            guard (0...1).contains(options.proto) else { return end(.invalidClientProtocol) }
            guard options.headers || !options.noResponders else { return end(.noRespondersRequiresHeaders) }
            guard !isForNodesOnly || isNode(options) else { return end(.maximumConnectionsExceeded) }
            self.options = options
            if requiresLogin || isNode(options) {
                phase = .authenticating
                return .authenticate
            }
            phase = .connected
            return .carryOut(acknowledge: options.verbose)
        }
    }

    /// Whether the client says to be another node, which is judged also where nobody else has to log in.
    private func isNode(_ options: ConnectOptions) -> Bool {
        configuration.nodeKey != nil && options.user == NodeLogin.user
    }

    private mutating func end(_ error: WireError?) -> Action {
        phase = .ended
        return .end(error)
    }

    private func mustConnect(before event: Event) -> Bool {
        guard isAwaitingConnect else { return false }
        return switch event {
        case .publish, .subscribe, .unsubscribe, .ping, .unreadable(.unknownProtocolOperation): true
        default: false
        }
    }
}
