import Logging
import NIOCore
import RivuletSubscriptions
import RivuletWire
import Synchronization

/// What the broker keeps for one connection, and the one place where the actions of its machine are carried out.
///
/// A value that its handler owns and enters once per event, so that nothing is looked up anew for each message.
struct Session {
    let router: Router
    let tls: TLSAcceptor?
    let logger: Logger
    let parser: FrameParser
    let outbox: Outbox
    var info: ServerInfo
    private let others: OtherServers?
    /// Of which other servers the client was told.
    private var told: [String] = []

    var machine: ConnectionMachine
    var login: Login
    let subscriptions: ConnectionSubscriptions
    var routes = RouteCache()
    var batch = DeliveryBatch()
    var publishRun = PublishRun()
    var turn = UInt64.random(in: .min ... .max)
    /// When the client was sent the PING that it has not answered yet.
    var pinged: NIODeadline?
    var received = 0
    /// When the client's login ends.
    var deadline: Timestamp?
    /// What came of a frame that is not whole, or that has to wait until the client is let in.
    var partial = PartialFrame()

    init(outbox: Outbox, router: Router, tls: TLSAcceptor?, info: ServerInfo, others: OtherServers? = nil, logger: Logger) {
        self.outbox = outbox
        self.others = others
        self.router = router
        self.tls = tls
        self.info = info
        self.logger = logger
        parser = FrameParser(limits: router.configuration.limits)
        subscriptions = outbox.record.subscriptions
        login = Login(router.gate, receivingThread: LoopExecutor.of(outbox.channel.eventLoop))
        machine = ConnectionMachine(router.configuration, requiresLogin: login.isRequired)
        self.info.connectURLs = others?.addresses ?? []
        self.info.authRequired = login.isAnnounced
        self.info.nonce = login.nonce
        self.info.clientID = outbox.id
        self.info.clientIP = outbox.channel.remoteAddress?.ipAddress
    }

    /// Whether the connection is being closed, and what the client sends does not count any more.
    var hasEnded: Bool { machine.hasEnded }

    /// Whether the client has said anything yet.
    var hasReceived: Bool { received > 0 }

    /// Whether the client must CONNECT before it does anything else.
    var requiresConnect: Bool { machine.requiresConnect }

    /// Whether nothing more is to be read until it is known whether the client is let in.
    var isWaiting: Bool { machine.isAuthenticating }

    /// What this session's client made fall behind, since this was asked last.
    mutating func takeCongested() -> (any Backlog)? {
        defer { batch.congested = nil }
        return batch.congested
    }

    /// Counts what was published, and hands out the outboxes that have to be flushed. The caller does that when it has left the
    /// session, since a write that fails ends the connection at once.
    mutating func takeUnflushed() -> [Outbox] {
        router.counters.add(batch.traffic)
        outbox.record.add(batch.traffic)
        batch.traffic = Traffic()
        defer { batch.toFlush = [] }
        return batch.toFlush
    }

    /// The connection is gone.
    mutating func close() {
        outbox.close()
        let ended = subscriptions.removeAll()
        if !ended.isEmpty { router.interest.remove(ended.values) }
        partial = PartialFrame()
        logger.debug("connection closed", metadata: ["connection": "\(outbox.id)"])
    }

    // MARK: - Events that are not read

    /// The client is to know who the server is.
    mutating func greet() {
        perform(.inform)
    }

    mutating func handle(_ signal: ConnectionSignal) {
        switch signal {
        case .expired(let subscriber):
            let sid = Array(subscriber.sid.dropLast())
            if subscriptions[sid] === subscriber { subscriptions[sid] = nil }
        case .slowConsumer:
            logger.warning("slow consumer", metadata: ["connection": "\(outbox.id)"])
            run(.refused(.slowConsumer))
        case .lameDuck:
            info.ldm = true
            run(.lameDuck)
        case .settingsChanged:
            run(.settingsChanged)
        case .othersChanged:
            info.connectURLs = others?.addresses ?? []
            if info.connectURLs != told { run(.infoChanged) }
        case .end:
            run(.refused(nil))
        }
    }

    mutating func run(_ event: ConnectionMachine.Event) {
        perform(machine.handle(event))
    }

    // MARK: - Actions

    /// Whether the operation is to be carried out; if not, what is to be done instead has been done.
    mutating func carryOut(_ event: ConnectionMachine.Event) -> Bool {
        let action = machine.handle(event)
        guard case .carryOut(let acknowledge) = action else {
            perform(action)
            return false
        }
        if acknowledge { send(FrameEncoder.ok) }
        return true
    }

    mutating func perform(_ action: ConnectionMachine.Action) {
        switch action {
        case .nothing, .carryOut: break
        case .authenticate, .reconsider:
            decide(login.begin(machine.options, certificateNames: tls?.certificateNames(of: outbox.channel)))
        case .pong: send(FrameEncoder.pong)
        case .pongAndInform:
            send(FrameEncoder.pong)
            perform(.inform)
        case .ping:
            pinged = .now()
            send(FrameEncoder.ping)
        case .inform:
            told = info.connectURLs
            var frame: [UInt8] = []
            FrameEncoder.info(info, to: &frame)
            send(frame)
        case .report(let error):
            logger.debug("refused", metadata: ["connection": "\(outbox.id)", "error": "\(error)"])
            var frame: [UInt8] = []
            FrameEncoder.error(error, to: &frame)
            send(frame)
        case .end(let error):
            logger.debug("ending connection", metadata: ["connection": "\(outbox.id)", "error": "\(error?.protocolText ?? "")"])
            partial = PartialFrame()
            if outbox.finish(with: error) { batch.toFlush.append(outbox) }
        }
    }

    mutating func send(_ frame: [UInt8]) {
        batch.note(outbox.append(frame), at: outbox)
    }
}

extension WireError {
    static func subscriptionViolation(_ subject: String, queue: String?) -> WireError {
        if let queue { .permissionsViolationQueueSubscription(subject, queue: queue) } else { .permissionsViolationSubscription(subject) }
    }
}
