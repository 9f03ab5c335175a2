import Logging
import NIOCore
import NIOPosix
import NIOTLS
import RivuletSubscriptions
import Synchronization

/// Brings a channel's events to its session, and decides when to read.
final class ConnectionHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    /// How many connections may wait to say that they are nodes when there is place for no other.
    private static let placesForNodes = 256

    private let router: Router
    private let registry: ConnectionRegistry
    private let tls: TLSAcceptor?
    private let configuration: BrokerConfiguration
    private let logger: Logger
    private let timers: LoopTimers
    private var session: Session
    private var pingTimer: LoopTimers.Timer?
    private var connectTimer: LoopTimers.Timer?
    private var closeTimer: LoopTimers.Timer?
    private var deadlineTimer: (deadline: Timestamp, timer: LoopTimers.Timer)?

    init(session: Session, router: Router, registry: ConnectionRegistry, tls: TLSAcceptor?, logger: Logger) {
        self.session = session
        self.router = router
        self.registry = registry
        self.tls = tls
        self.logger = logger
        configuration = router.configuration
        timers = LoopTimers.of(session.outbox.channel.eventLoop)
    }

    func channelActive(context: ChannelHandlerContext) {
        let handshakeFirst = tls?.configuration.handshakeFirst == true
        if let tls, handshakeFirst { encrypt(tls, context) }
        router.counters.totalConnections.wrappingAdd(1, ordering: .relaxed)
        session.greet()
        let spare = configuration.nodeKey == nil ? 0 : Self.placesForNodes
        let place = registry.add(session.outbox, limit: configuration.maximumConnections, spare: spare)
        if case .refused(let error) = place {
            session.run(.refused(error))
        } else {
            if case .spare = place { session.run(.crowded) }
            // They may have changed since the session was made.
            session.handle(.settingsChanged)
            session.handle(.othersChanged)
            startTimers(context)
        }
        settle(context)
        // What was written until now has left as it was; nothing has been read.
        if let tls, !handshakeFirst, !session.hasEnded { encrypt(tls, context) }
        context.read()
    }

    func channelInactive(context: ChannelHandlerContext) {
        for timer in [pingTimer, connectTimer, closeTimer, deadlineTimer?.timer] { timer?.cancel() }
        session.close()
        registry.remove(session.outbox)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        session.receive(unwrapInboundIn(data))
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        let congested = session.takeCongested()
        settle(context)
        if session.isWaiting { return }
        if let congested, congested.isCongested {
            pause(for: congested, context, until: .now() + TimeAmount(configuration.maximumStall))
        } else {
            context.read()
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard let signal = event as? ConnectionSignal else {
            if tls != nil, case .handshakeCompleted? = event as? TLSUserEvent { awaitConnect(context) }
            return context.fireUserInboundEventTriggered(event)
        }
        session.handle(signal)
        settle(context)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        logger.debug("connection failed", metadata: ["connection": "\(session.outbox.id)", "error": "\(error)"])
        context.close(promise: nil)
    }

    private func encrypt(_ tls: TLSAcceptor, _ context: ChannelHandlerContext) {
        do {
            try context.pipeline.syncOperations.addHandler(tls.makeHandler(), position: .first)
        } catch {
            context.close(promise: nil)
        }
    }

    /// Writes what the event led to. If it ended the connection, the client has a while to read what is left and to close.
    private func settle(_ context: ChannelHandlerContext) {
        if let question = session.takeQuestion() { ask(question, context) }
        if session.deadline != deadlineTimer?.deadline { watchDeadline(context) }
        for outbox in session.takeUnflushed() { outbox.flush() }
        // To write the last of it may have closed the channel already.
        guard session.hasEnded, closeTimer == nil, context.channel.isActive else { return }
        closeTimer = timers.schedule(in: configuration.closeGrace) { context.close(promise: nil) }
    }

    /// Reads on when the consumer has caught up, and at the latest when the time is over: one that has stopped must not hold those
    /// who have not.
    private func pause(for congested: Outbox, _ context: ChannelHandlerContext, until end: NIODeadline) {
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        context.eventLoop.scheduleTask(in: .milliseconds(1)) {
            let (handler, context) = bound.value
            guard context.channel.isActive else { return }
            if congested.isCongested, .now() < end {
                handler.pause(for: congested, context, until: end)
            } else {
                context.read()
            }
        }
    }

    /// Has a password looked at where that stops nobody, and goes on with the answer.
    private func ask(_ question: Login.Question, _ context: ChannelHandlerContext) {
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        let channel = context.channel
        NIOThreadPool.singleton.runIfActive(eventLoop: context.eventLoop) {
            // Those who have gone meanwhile cost nothing more.
            channel.isActive && question.isKnown()
        }.whenComplete { result in
            let (handler, context) = bound.value
            guard context.channel.isActive else { return }
            let wasWaiting = handler.session.isWaiting
            handler.session.answer(question, isKnown: (try? result.get()) == true)
            handler.settle(context)
            if wasWaiting, !handler.session.isWaiting { context.read() }
        }
    }

    /// Ends the connection when its login does. Looks at the clock again at least every hour, since clocks are set.
    private func watchDeadline(_ context: ChannelHandlerContext) {
        deadlineTimer?.timer.cancel()
        deadlineTimer = nil
        guard let deadline = session.deadline else { return }
        let left = deadline.nanoseconds - SystemTime().wallTime.nanoseconds
        guard left > 0 else { return session.run(.loginExpired) }
        let timer = timers.schedule(in: min(.nanoseconds(left), .seconds(3600))) {
            self.watchDeadline(context)
            self.settle(context)
        }
        deadlineTimer = (deadline, timer)
    }

    private func startTimers(_ context: ChannelHandlerContext) {
        pingLater(context)
        guard let tls else { return awaitConnect(context) }
        // Before the handshake is done nothing can be told.
        connectTimer = timers.schedule(in: tls.configuration.handshakeTimeout) { context.close(promise: nil) }
    }

    private func awaitConnect(_ context: ChannelHandlerContext) {
        connectTimer?.cancel()
        guard session.requiresConnect else { return }
        connectTimer = timers.schedule(in: router.gate.timeout) {
            self.session.run(.connectDue)
            self.settle(context)
        }
    }

    private func pingLater(_ context: ChannelHandlerContext) {
        pingTimer = timers.schedule(in: configuration.pingInterval) {
            self.pingLater(context)
            self.session.run(.pingDue)
            self.settle(context)
        }
    }
}
