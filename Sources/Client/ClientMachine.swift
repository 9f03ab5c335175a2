import RivuletWire

/// What a client says and believes on one connection, from INFO to the end. Knows no socket and no clock.
struct ClientMachine: Sendable {
    enum Event: Sendable, Hashable {
        case info(ServerInfo)
        /// TLS protects what is sent from now on.
        case secured
        case ping
        case pong
        case error(WireError)
        /// Bytes that are no frame.
        case unreadable(WireError)
        /// The time to greet is over.
        case greetingDue
        /// It is time to ask for a sign of life.
        case pingDue
    }

    enum Action: Sendable, Hashable {
        case nothing
        /// Begin with TLS. Nothing may come from the server before that.
        case secure
        /// Send CONNECT and the subscriptions, and PING to learn whether they were accepted.
        case greet(ServerInfo)
        /// The connection can be used.
        case begin(ServerInfo)
        /// The server told something new.
        case update(ServerInfo, goesAway: Bool)
        /// The oldest PING was answered.
        case completePing
        case answerPing
        case sendPing
        /// Tell the application.
        case report(WireError)
        case end(Ending)
    }

    enum Ending: Sendable, Hashable {
        case offersNoTLS
        case noGreeting
        case stale
        case refused(WireError)
        case unreadable(WireError)
    }

    private enum State {
        case awaitingInfo
        case securing(ServerInfo)
        case awaitingPong(ServerInfo)
        case ready(ServerInfo)
        case ended
    }

    private var state = State.awaitingInfo
    private var pingsOutstanding = 0
    private let maximumPingsOutstanding: Int

    /// Whether the connection has to be encrypted whatever the server says, and whether it is.
    private let requiresTLS: Bool
    private let isSecure: Bool

    /// - Parameters:
    ///   - requiresTLS: Whether the connection is given up if the server does not offer TLS.
    ///   - isSecure: Whether TLS protects the connection from the start.
    init(maximumPingsOutstanding: Int, requiresTLS: Bool = false, isSecure: Bool = false) {
        self.requiresTLS = requiresTLS
        self.isSecure = isSecure
        self.maximumPingsOutstanding = maximumPingsOutstanding
    }

    /// Whether the connection can be used.
    var isReady: Bool {
        if case .ready = state { true } else { false }
    }

    mutating func handle(_ event: Event) -> Action {
        switch (state, event) {
        case (.ended, _): return .nothing
        case (.awaitingInfo, .info(let info)):
            if !isSecure, info.tlsRequired {
                state = .securing(info)
                return .secure
            }
            if !isSecure, requiresTLS { return end(.offersNoTLS) }
            state = .awaitingPong(info)
            return .greet(info)
        case (.securing(let info), .secured):
            state = .awaitingPong(info)
            return .greet(info)
        case (.securing, .greetingDue): return end(.noGreeting)
        case (.securing, .pingDue), (_, .secured): return .nothing
        // Whoever sent this knows that it cannot be told from what comes encrypted.
        case (.securing, _): return end(.unreadable(.parserError))
        case (.awaitingPong, .info(let info)):
            state = .awaitingPong(info)
            return .nothing
        case (.ready(let old), .info(let info)):
            state = .ready(info)
            return .update(info, goesAway: info.ldm && !old.ldm)
        case (.awaitingPong(let info), .pong):
            state = .ready(info)
            return .begin(info)
        case (.ready, .pong):
            pingsOutstanding = 0
            return .completePing
        case (.awaitingInfo, .pong): return end(.unreadable(.unknownProtocolOperation))
        case (_, .ping): return .answerPing
        case (.ready, .error(let error)) where !error.closesConnection: return .report(error)
        case (.awaitingPong, .error(let error)) where !error.closesConnection: return .report(error)
        case (_, .error(let error)): return end(.refused(error))
        case (_, .unreadable(let error)): return end(.unreadable(error))
        case (.ready, .greetingDue): return .nothing
        case (_, .greetingDue): return end(.noGreeting)
        case (.ready, .pingDue):
            guard pingsOutstanding < maximumPingsOutstanding else { return end(.stale) }
            pingsOutstanding += 1
            return .sendPing
        case (_, .pingDue): return .nothing
        }
    }

    private mutating func end(_ ending: Ending) -> Action {
        state = .ended
        return .end(ending)
    }
}

extension ClientError {
    init(_ ending: ClientMachine.Ending, _ address: ServerAddress) {
        switch ending {
        case .offersNoTLS: self.init(.tls, "\(address) does not offer TLS, which is required")
        case .noGreeting: self.init(.stale, "\(address) accepted the connection but did not greet in time")
        case .stale: self.init(.stale, "\(address) does not answer any more")
        case .refused(let error) where error == .authorizationViolation || error == .authenticationExpired:
            self.init(.unauthorized, "\(address) does not accept the client's credentials: \(error.protocolText)", cause: error)
        case .refused(let error): self.init(.refused, "\(address) says: \(error.protocolText)", cause: error)
        case .unreadable(let error):
            self.init(.unreadable, "\(address) does not speak the NATS protocol: \(error.protocolText)", cause: error)
        }
    }
}
