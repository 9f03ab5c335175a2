import NIOCore
import RivuletSubscriptions
import RivuletWire

/// Does what a connection's machine says: the one place where the server's bytes are read.
final class ClientHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let core: ClientCore
    private let requester: Requester
    private let statuses: StatusBroadcast
    private let address: ServerAddress
    private let isFirst: Bool
    /// Succeeds when the connection can be used.
    private let ready: EventLoopPromise<Void>
    /// Succeeds when it is over, with the reason.
    private let ended: EventLoopPromise<ClientError>

    private let parser = FrameParser(limits: .client)
    private var machine: ClientMachine
    /// Whether nothing encrypts what is written.
    private var isPlain: Bool
    private var reason: ClientError?
    /// An incomplete frame, and how many bytes of it there must be before it is worth looking again.
    private var incomplete = ByteBuffer()
    private var needed = 0
    /// The subscriptions that went along with CONNECT.
    private var greetedWith: Set<Int> = []
    private var hasBegun = false
    private var greeting: Scheduled<Void>?
    private var pings: RepeatedTask?
    /// Set once nothing more is sent: the end at the latest, and the number of the next connection.
    private var leaving: (end: Scheduled<Void>, next: Int)?

    init(
        _ core: ClientCore, _ requester: Requester, _ statuses: StatusBroadcast, _ address: ServerAddress, isFirst: Bool,
        ready: EventLoopPromise<Void>, ended: EventLoopPromise<ClientError>
    ) {
        self.core = core
        self.requester = requester
        self.statuses = statuses
        self.address = address
        self.isFirst = isFirst
        self.ready = ready
        self.ended = ended
        isPlain = !core.dialer.handshakeFirst
        machine = ClientMachine(
            maximumPingsOutstanding: core.configuration.maximumPingsOutstanding,
            requiresTLS: address.requiresTLS || core.configuration.tls != nil, isSecure: !isPlain)
    }

    // MARK: - Events of the channel

    func handlerAdded(context: ChannelHandlerContext) {
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        greeting = context.eventLoop.scheduleTask(in: TimeAmount(core.configuration.connectTimeout)) {
            let (handler, context) = bound.value
            handler.run(.greetingDue, context)
        }
        let interval = TimeAmount(core.configuration.pingInterval)
        pings = context.eventLoop.scheduleRepeatedTask(initialDelay: interval, delay: interval) { _ in
            let (handler, context) = bound.value
            handler.run(.pingDue, context)
        }
        context.read()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        greeting?.cancel()
        pings?.cancel()
        leaving?.end.cancel()
        if hasBegun { core.outbox.disconnect() }
        let reason = reason ?? loss
        ready.fail(reason)
        ended.succeed(reason)
    }

    func channelInactive(context: ChannelHandlerContext) {
        if reason == nil { reason = loss }
    }

    private var loss: ClientError {
        leaving == nil
            ? ClientError(.connectionLost, "\(address) closed the connection") : ClientError(.lameDuck, "\(address) is about to go away")
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = unwrapInboundIn(data)
        if incomplete.readableBytes == 0 { return parse(bytes, context) }
        incomplete.writeImmutableBuffer(bytes)
        guard incomplete.readableBytes >= needed else { return }
        let whole = incomplete
        incomplete = ByteBuffer()
        parse(whole, context)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if let leaving { endIfAnswered(before: leaving.next, context) }
        context.read()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if reason == nil { reason = ClientError(breaking: error, address) }
        context.close(promise: nil)
    }

    // MARK: - Reading

    private func parse(_ buffer: ByteBuffer, _ context: ChannelHandlerContext) {
        let bytes = buffer.readableBytesUInt8Span
        var offset = 0
        needed = 0
        do throws(WireError) {
            parsing: while offset < bytes.count && reason == nil {
                switch try parser.nextServerFrame(in: bytes, from: offset) {
                case .frame(let frame, let consumed):
                    try receive(frame, in: bytes, context)
                    offset += consumed
                case .incomplete(let atLeast):
                    needed = atLeast
                    break parsing
                }
            }
        } catch {
            run(.unreadable(error), context)
        }
        guard needed > 0, reason == nil else { return }
        incomplete = context.channel.allocator.buffer(capacity: needed)
        incomplete.writeBytes(bytes.extracting(offset...).bytes)
    }

    private func receive(
        _ frame: ServerFrame, in bytes: borrowing Span<UInt8>, _ context: ChannelHandlerContext
    ) throws(WireError) {
        switch frame {
        case .message(let frame): deliver(frame, in: bytes)
        case .info(let json): run(.info(try ServerInfo(parsing: Array(copying: bytes.extracting(json)))), context)
        case .ping: run(.ping, context)
        case .pong: run(.pong, context)
        case .error(let text):
            run(.error(WireError(protocolText: String(decoding: Array(copying: bytes.extracting(text)), as: UTF8.self))), context)
        case .ok: break
        }
    }

    private func deliver(_ frame: MessageFrame, in bytes: borrowing Span<UInt8>) {
        // A message may be on its way still when its subscription has ended.
        guard let sid = FrameParser.decimal(frame.sid, in: bytes), let entry = core.subscriptions.entry(sid) else {
            return
        }
        var message = BusMessage(
            subject: Subject(received: bytes.extracting(frame.subject)),
            reply: frame.reply.map { Subject(received: bytes.extracting($0)) },
            payload: Array(copying: bytes.extracting(frame.payload)))
        if let headers = frame.headers {
            do throws(WireError) {
                message.headers = try Headers(parsing: Array(copying: bytes.extracting(headers)))
            } catch {
                // Servers do not look into headers: that one publisher writes rubbish must not cut everybody off.
                statuses.send(.serverError("a message to \"\(message.subject)\" has headers that cannot be read"), isPassing: true)
            }
        }
        entry.receive(message)
    }

    // MARK: - Actions

    private func run(_ event: ClientMachine.Event, _ context: ChannelHandlerContext) {
        switch machine.handle(event) {
        case .nothing: break
        case .secure: secure(context)
        case .greet(let info): greet(info, context)
        case .begin(let info):
            greeting?.cancel()
            core.began(with: address)
            core.learn(info.connectURLs, from: address)
            core.outbox.connect(
                context.channel, isPlain: isPlain, core.subscriptions, except: greetedWith, maximumPayload: info.maxPayload)
            greetedWith = []
            hasBegun = true
            if !isFirst { core.resumed() }
            ready.succeed(())
        case .update(let info, let goesAway):
            core.learn(info.connectURLs, from: address)
            core.outbox.setMaximumPayload(info.maxPayload)
            if goesAway { leave(context) }
        case .completePing: core.outbox.completePing()
        case .answerPing: answerPing(context)
        case .sendPing: core.outbox.ping()
        case .report(let error): report(error)
        case .end(let ending):
            if ending == .refused(.slowConsumer) { statuses.send(.slowConsumer, isPassing: true) }
            end(ClientError(ending, address), context)
        }
    }

    private func secure(_ context: ChannelHandlerContext) {
        isPlain = false
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        core.dialer.secure(context.channel, to: address).whenComplete { result in
            let (handler, context) = bound.value
            switch result {
            // What has begun unencrypted must not be completed by what is.
            case .success where handler.incomplete.readableBytes > 0: handler.run(.unreadable(.parserError), context)
            case .success: handler.run(.secured, context)
            case .failure(let error): handler.errorCaught(context: context, error: error)
            }
        }
    }

    private func greet(_ info: ServerInfo, _ context: ChannelHandlerContext) {
        var options = ConnectOptions(
            tlsRequired: info.tlsRequired, name: core.configuration.name, echo: core.configuration.echo, headers: info.headers,
            noResponders: info.headers)
        (address.credentials ?? core.configuration.credentials)?.apply(to: &options, nonce: info.nonce)
        var sink = FrameSink()
        FrameEncoder.connect(options, to: &sink)
        // Before the PING, so that they are in place when the connection is said to be ready.
        greetedWith = core.subscriptions.write(to: &sink)
        FrameEncoder.ping(to: &sink)
        context.writeAndFlush(NIOAny(sink.buffer), promise: nil)
    }

    private func answerPing(_ context: ChannelHandlerContext) {
        // While the outbox writes to the connection, nobody else may. Should that be lost before, the next server has one more.
        if hasBegun, leaving == nil { return core.outbox.append { FrameEncoder.pong(to: &$0) } }
        context.writeAndFlush(NIOAny(ByteBuffer(bytes: FrameEncoder.pong)), promise: nil)
    }

    private func report(_ error: WireError) {
        statuses.send(.serverError(error.protocolText), isPassing: true)
        switch error {
        case .permissionsViolationSubscription(let subject): core.subscriptions.end(refused: subject, queue: nil)
        case .permissionsViolationQueueSubscription(let subject, let queue): core.subscriptions.end(refused: subject, queue: queue)
        case .maximumSubscriptionsExceeded:
            // The server does not say which. It may have taken some of them.
            for sid in core.subscriptions.endUnconfirmed() { core.sendUnsubscribe(sid) }
        default: break
        }
    }

    private func leave(_ context: ChannelHandlerContext) {
        guard core.pool.hasOther(than: address) else { return statuses.send(.lameDuck(address), isPassing: true) }
        pings?.cancel()
        // What is published from now on is for the next server.
        let next = core.outbox.leave()
        statuses.send(.lameDuck(address), isPassing: true)
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        let end = context.eventLoop.scheduleTask(in: TimeAmount(core.configuration.lameDuckPatience)) {
            let (handler, context) = bound.value
            handler.end(handler.loss, context)
        }
        leaving = (end: end, next: next)
    }

    /// Ends the connection once the server has seen all that was sent, and answered what it was asked.
    private func endIfAnswered(before next: Int, _ context: ChannelHandlerContext) {
        if reason == nil, !core.outbox.awaitsPongs, !requester.hasRequests(before: next) { end(loss, context) }
    }

    private func end(_ reason: ClientError, _ context: ChannelHandlerContext) {
        self.reason = reason
        incomplete = ByteBuffer()
        context.close(promise: nil)
    }
}
