import Logging
import NIOCore
import Synchronization

/// Brings a channel's events to its session, and decides when to read.
final class ConnectionHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let router: Router
    private let registry: ConnectionRegistry
    private let configuration: BrokerConfiguration
    private let logger: Logger
    private var session: Session
    private var pings: RepeatedTask?
    private var connectTimer: Scheduled<Void>?
    private var closeTimer: Scheduled<Void>?

    init(session: Session, router: Router, registry: ConnectionRegistry, logger: Logger) {
        self.session = session
        self.router = router
        self.registry = registry
        self.logger = logger
        configuration = router.configuration
    }

    func channelActive(context: ChannelHandlerContext) {
        router.counters.totalConnections.wrappingAdd(1, ordering: .relaxed)
        session.greet()
        if let refusal = registry.add(session.outbox, limit: configuration.maximumConnections) {
            session.run(.refused(refusal))
        } else {
            startTimers(context)
        }
        settle(context)
        context.read()
    }

    func channelInactive(context: ChannelHandlerContext) {
        pings?.cancel()
        connectTimer?.cancel()
        closeTimer?.cancel()
        session.close()
        registry.remove(session.outbox)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        session.receive(unwrapInboundIn(data))
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        let congested = session.takeCongested()
        settle(context)
        if let congested, congested.isCongested {
            pause(for: congested, context, until: .now() + TimeAmount(configuration.maximumStall))
        } else {
            context.read()
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard let signal = event as? ConnectionSignal else { return context.fireUserInboundEventTriggered(event) }
        session.handle(signal)
        settle(context)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        logger.debug("connection failed", metadata: ["connection": "\(session.outbox.id)", "error": "\(error)"])
        context.close(promise: nil)
    }

    /// Writes what the event led to. If it ended the connection, the client has a while to read what is left and to close.
    private func settle(_ context: ChannelHandlerContext) {
        for outbox in session.takeUnflushed() { outbox.flush() }
        guard session.hasEnded, closeTimer == nil else { return }
        let channel = context.channel
        closeTimer = context.eventLoop.scheduleTask(in: TimeAmount(configuration.closeGrace)) { channel.close(promise: nil) }
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

    private func startTimers(_ context: ChannelHandlerContext) {
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        let run = { @Sendable (event: ConnectionMachine.Event) in
            let (handler, context) = bound.value
            handler.session.run(event)
            handler.settle(context)
        }
        let interval = TimeAmount(configuration.pingInterval)
        pings = context.eventLoop.scheduleRepeatedTask(initialDelay: interval, delay: interval) { _ in run(.pingDue) }
        guard configuration.requiresConnect else { return }
        connectTimer = context.eventLoop.scheduleTask(in: TimeAmount(configuration.authenticationTimeout)) { run(.connectDue) }
    }
}
