import RivuletWire

/// What a client says and believes on one connection, from INFO to the end. Knows no socket and no clock.
struct ClientMachine: Sendable {
    enum Event: Sendable, Hashable {
        case info(ServerInfo)
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
        case needsTLS
        case needsLogin
        case noGreeting
        case stale
        case refused(WireError)
        case unreadable(WireError)
    }

    private enum State {
        case awaitingInfo
        case awaitingPong(ServerInfo)
        case ready(ServerInfo)
        case ended
    }

    private var state = State.awaitingInfo
    private var pingsOutstanding = 0
    private let maximumPingsOutstanding: Int

    init(maximumPingsOutstanding: Int) {
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
            if info.tlsRequired { return end(.needsTLS) }
            if info.authRequired { return end(.needsLogin) }
            state = .awaitingPong(info)
            return .greet(info)
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
        case .needsTLS: self.init(.refused, "\(address) requires TLS, which this client cannot do yet")
        case .needsLogin: self.init(.refused, "\(address) requires a login, which this client cannot do yet")
        case .noGreeting: self.init(.stale, "\(address) accepted the connection but did not greet in time")
        case .stale: self.init(.stale, "\(address) does not answer any more")
        case .refused(let error): self.init(.refused, "\(address) says: \(error.protocolText)", cause: error)
        case .unreadable(let error):
            self.init(.unreadable, "\(address) does not speak the NATS protocol: \(error.protocolText)", cause: error)
        }
    }
}
