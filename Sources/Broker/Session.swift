import Logging
import NIOCore
import RivuletSubscriptions
import RivuletWire
import Synchronization

/// What the broker keeps for one connection, and the one place where the actions of its machine are carried out.
///
/// A value that its handler owns and enters once per event, so that nothing is looked up anew for each message.
struct Session {
    private let router: Router
    private let tls: TLSAcceptor?
    private let logger: Logger
    private let parser: FrameParser
    let outbox: Outbox
    private var info: ServerInfo
    private let others: OtherServers?
    /// Of which other servers the client was told.
    private var told: [String] = []

    private var machine: ConnectionMachine
    private var login: Login
    private let subscriptions: ConnectionSubscriptions
    private var routes = RouteCache()
    private var batch = DeliveryBatch()
    private var publishRun = PublishRun()
    private var turn = UInt64.random(in: .min ... .max)
    /// When the client was sent the PING that it has not answered yet.
    private var pinged: NIODeadline?
    private var received = 0
    /// When the client's login ends.
    private(set) var deadline: Timestamp?
    /// What came of a frame that is not whole, or that has to wait until the client is let in.
    private var partial = PartialFrame()

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

    // MARK: - Reading

    /// Takes what one read brought.
    mutating func receive(_ bytes: ByteBuffer) {
        guard !machine.hasEnded else { return }
        var bytes = bytes
        if received == 0, let first = bytes.readableBytesView.first { run(.begun(with: first)) }
        received &+= bytes.readableBytes
        outbox.record.noteActivity()
        complete(with: &bytes)
        if bytes.readableBytes > 0, partial.isEmpty { parseAndKeep(bytes) }
        run(.received(total: received))
    }

    /// Completes the frame whose beginning an earlier read brought.
    private mutating func complete(with bytes: inout ByteBuffer) {
        if machine.isAuthenticating, !partial.isEmpty { return partial.append(&bytes) }
        while !partial.isEmpty, bytes.readableBytes > 0, !machine.hasEnded {
            let before = partial.count
            guard let whole = partial.complete(with: &bytes) else { return }
            let (consumed, needed) = parse(whole)
            if consumed > before {
                // What follows is taken where it is.
                bytes.moveReaderIndex(to: bytes.readerIndex - (whole.readableBytes - consumed))
            } else {
                keep(whole, from: consumed, needed: needed)
            }
        }
    }

    private mutating func parseAndKeep(_ bytes: ByteBuffer) {
        let (consumed, needed) = parse(bytes)
        keep(bytes, from: consumed, needed: needed)
    }

    private mutating func keep(_ bytes: ByteBuffer, from offset: Int, needed: Int) {
        if machine.hasEnded { return }
        partial.keep(bytes, from: offset, needed: needed, allocator: outbox.channel.allocator)
    }

    /// - Returns: How many bytes made whole frames, and how many the frame that begins there has at least; 0 if none does.
    private mutating func parse(_ buffer: ByteBuffer) -> (consumed: Int, needed: Int) {
        let bytes = buffer.readableBytesUInt8Span
        var offset = 0
        var needed = 0
        do throws(WireError) {
            parsing: while offset < bytes.count && !machine.hasEnded && !machine.isAuthenticating {
                if machine.takesPublishesSilently { offset = takeRuns(in: bytes, of: buffer, from: offset) }
                guard offset < bytes.count else { break }
                switch try parser.nextClientFrame(in: bytes, from: offset) {
                case .frame(let frame, let consumed):
                    receive(frame, in: bytes)
                    offset += consumed
                case .incomplete(let atLeast):
                    needed = atLeast
                    break parsing
                }
            }
        } catch {
            run(.unreadable(error))
        }
        if machine.isAuthenticating { needed = bytes.count - offset }
        // No room for what may not come anyway.
        if machine.isAwaitingConnect { needed = min(needed, router.configuration.maximumBytesBeforeConnect) }
        return (offset, needed)
    }

    /// Takes plain messages for other connections, as many as there are in a row.
    ///
    /// - Returns: Where something else begins.
    private mutating func takeRuns(in bytes: borrowing Span<UInt8>, of buffer: ByteBuffer, from start: Int) -> Int {
        let router = router
        let parser = parser
        let access = login.access
        let generation = router.interest.generation
        var offset = start
        var subject = 0..<0
        var isWanted = false
        while let publish = parser.plainPublish(in: bytes, from: offset) {
            let next = publish.subject..<(publish.tail - 1)
            if subject.isEmpty || !RouteCache.areEqual(bytes.extracting(subject), bytes.extracting(next)) {
                let name = bytes.extracting(next)
                let route = routes.route(for: name, generation: generation) { router.route(for: name, from: .network(access)) }
                guard route.takesRuns else { break }
                if route !== publishRun.route {
                    deliverRun(in: bytes, of: buffer)
                    publishRun.begin(route)
                }
                subject = next
                // Requests that other nodes may answer want a reply subject of their own.
                isWanted = !route.isEmpty && route.peers == nil && !UserInfo.isAsked(at: bytes.extracting(next))
            }
            guard isWanted || !publish.hasReply else { break }
            publishRun.append(publish)
            if publishRun.isFull { deliverRun(in: bytes, of: buffer) }
            offset = publish.end
        }
        deliverRun(in: bytes, of: buffer)
        publishRun.end()
        return offset
    }

    private mutating func deliverRun(in bytes: borrowing Span<UInt8>, of buffer: ByteBuffer) {
        guard let route = publishRun.route, !publishRun.frames.isEmpty else { return }
        let echoless = machine.options.echo ? nil : outbox
        let reached = router.deliver(publishRun, in: bytes, of: buffer, along: route, echoless: echoless, into: &batch)
        if publishRun.hasRequests, reached < publishRun.frames.count { answerUnreached(publishRun.frames[reached...], in: bytes) }
        publishRun.removeFrames()
    }

    /// Tells the client which of its requests reached nobody.
    private mutating func answerUnreached(_ frames: ArraySlice<PublishRun.Frame>, in bytes: borrowing Span<UInt8>) {
        for place in frames {
            guard case .frame(.publish(let frame), _)? = try? parser.nextClientFrame(in: bytes, from: Int(place.start)) else { return }
            answerUnreached(frame, in: bytes)
        }
    }

    private mutating func answerUnreached(_ frame: PublishFrame, in bytes: borrowing Span<UInt8>) {
        guard machine.options.noResponders, let reply = frame.reply else { return }
        let notice = NoResponders(subject: Array(copying: bytes.extracting(frame.subject)))
        notice.send(to: outbox, at: Array(copying: bytes.extracting(reply)), router: router, into: &batch)
    }

    private mutating func receive(_ frame: ClientFrame, in bytes: borrowing Span<UInt8>) {
        switch frame {
        case .publish(let frame):
            let action = machine.handle(.publish(hasHeaders: frame.headers != nil))
            guard case .carryOut(let acknowledge) = action else { return perform(action) }
            publish(frame, in: bytes, acknowledge: acknowledge)
        case .subscribe(let frame):
            subscribe(frame, in: bytes)
        case .unsubscribe(let sid, let max):
            guard carryOut(.unsubscribe) else { return }
            unsubscribe(Array(copying: bytes.extracting(sid)), max: max)
        case .connect(let json):
            if carryOut(.connect(options(Array(copying: bytes.extracting(json))))) { begin(as: nil) }
        case .ping: run(.ping)
        case .pong:
            if let pinged { outbox.record.noteRoundTrip(.now() - pinged) }
            pinged = nil
            run(.pong)
        case .error: run(.error)
        case .ok, .info: break
        }
    }

    private func options(_ json: [UInt8]) -> Result<ConnectOptions, WireError> {
        do throws(WireError) {
            return .success(try ConnectOptions(parsing: json, earlier: machine.options))
        } catch {
            return .failure(error)
        }
    }

    // MARK: - Operations

    private mutating func publish(_ frame: PublishFrame, in bytes: borrowing Span<UInt8>, acknowledge: Bool) {
        let router = router
        let subject = bytes.extracting(frame.subject)
        let access = login.access
        // Only told: the message goes where it can all the same.
        if machine.options.pedantic, SubjectForm(Array(copying: subject), maximumTokens: .max).isWrong {
            perform(.report(.invalidPublishSubject))
        }
        var route = routes.route(for: subject, generation: router.interest.generation) {
            router.route(for: subject, from: .network(access))
        }
        switch route.verdict {
        case .invalid: return perform(.report(.invalidPublishSubject))
        case .forbidden:
            guard router.permissions.allowAnswer(of: login.access, to: Array(copying: subject)) else {
                return perform(.report(.permissionsViolationPublish(String(decoding: Array(copying: subject), as: UTF8.self))))
            }
            route = router.route(for: subject, from: .network(access), isAnswer: true)
        case .deliver: break
        }
        var mayReachProcesses = true
        if route.reachesProcess || route.peers != nil, let range = frame.reply {
            let reply = Array(copying: bytes.extracting(range))
            mayReachProcesses = router.allowReply(for: login.access, at: reply)
            guard mayReachProcesses || !route.reachesProcess else {
                return perform(.report(.permissionsViolationReply(String(decoding: reply, as: UTF8.self))))
            }
        }
        if acknowledge { send(FrameEncoder.ok) }
        turn &+= 1
        let echoless = machine.options.echo ? nil : outbox
        let spans = frame.headers == nil ? nil : router.beginSpans(of: frame, in: bytes)
        let before = batch.traffic.outMessages
        let anybody = router.deliver(
            frame, in: bytes, along: route, origin: access, mayReachProcesses: mayReachProcesses, echoless: echoless, turn: turn,
            into: &batch)
        spans?.end(deliveries: batch.traffic.outMessages - before)
        if UserInfo.isAsked(at: subject), let reply = frame.reply {
            tellUserInfo(at: Array(copying: bytes.extracting(reply)))
        } else if !anybody {
            answerUnreached(frame, in: bytes)
        }
    }

    /// Answers a client that asks who it is.
    private mutating func tellUserInfo(at reply: [UInt8]) {
        guard router.allowReply(for: login.access, at: reply) else {
            return perform(.report(.permissionsViolationReply(String(decoding: reply, as: UTF8.self))))
        }
        let user = UserInfo(server: info, account: login.account, options: machine.options)
        let answer = BusMessage(subject: Subject(received: reply), payload: user.encoded(at: SystemTime().wallTime))
        _ = router.deliver(answer, turn: turn, into: &batch)
    }

    private mutating func subscribe(_ frame: SubscribeFrame, in bytes: borrowing Span<UInt8>) {
        let sid = Array(copying: bytes.extracting(frame.sid))
        let subject = Array(copying: bytes.extracting(frame.subject))
        let queue = frame.queue.map { String(decoding: Array(copying: bytes.extracting($0)), as: UTF8.self) }
        guard router.permissions.allow(.network(login.access), to: .subscribe, subject) else {
            return perform(.report(.subscriptionViolation(String(decoding: subject, as: UTF8.self), queue: queue)))
        }
        // Like nats-server: a sid that is in use keeps its first meaning, whatever else it is to mean.
        if subscriptions[sid]?.isActive == true {
            _ = carryOut(.subscribe(count: 0))
            return
        }
        guard let pattern = pattern(subject) else { return perform(.report(.invalidSubject)) }
        guard carryOut(.subscribe(count: subscriptions.count)) else { return }
        let subscriber = Subscriber(outbox, login.access, sid: sid, pattern, queue: queue)
        subscriptions[sid] = subscriber
        router.interest.insert(subscriber, pattern, queue: queue)
    }

    private func pattern(_ subject: [UInt8]) -> SubjectPattern? {
        guard let text = String(validating: subject, as: UTF8.self), let pattern = try? SubjectPattern(text),
            pattern.tokens.count <= router.configuration.maximumSubjectTokens
        else { return nil }
        return pattern
    }

    private mutating func unsubscribe(_ sid: [UInt8], max: Int?) {
        guard let subscriber = subscriptions[sid] else { return }
        if let max, max > 0, !outbox.setMaximum(max, of: subscriber) { return }
        outbox.end(subscriber)
        subscriptions[sid] = nil
        router.interest.remove(CollectionOfOne(subscriber))
    }

    // MARK: - Logging in

    /// A question that takes long to answer, and that has to be before the client is let in; once.
    mutating func takeQuestion() -> Login.Question? { login.takeQuestion() }

    /// The question was answered.
    mutating func answer(_ question: Login.Question, isKnown: Bool) {
        guard !machine.hasEnded else { return }
        let isWaiting = machine.isAuthenticating
        decide(login.answer(question, isKnown: isKnown))
        if isWaiting, !machine.isAuthenticating, !partial.isEmpty { parseAndKeep(partial.take()) }
    }

    private mutating func decide(_ outcome: Login.Outcome?) {
        switch outcome {
        case nil: break
        case .refused:
            logger.notice("login refused", metadata: ["connection": "\(outbox.id)", "address": "\(info.clientIP ?? "")"])
            run(.login(accepted: false))
        case .granted(let account):
            let isNew = machine.isAuthenticating
            if isNew, let end = account.deadline, end <= SystemTime().wallTime { return decide(.refused) }
            deadline = account.deadline
            if carryOut(.login(accepted: true)), isNew {
                begin(as: account.name)
            } else {
                outbox.record.client.withLock { $0.user = account.name }
            }
            endForbiddenSubscriptions()
        }
    }

    /// The client is let in.
    private mutating func begin(as user: String?) {
        let options = machine.options
        outbox.setAcceptsHeaders(options.headers)
        let tlsVersion = tls?.version(of: outbox.channel)
        outbox.record.client.withLock {
            $0 = ConnectionRecord.Client(
                name: options.name ?? "", language: options.lang ?? "", version: options.version ?? "", user: user, tlsVersion: tlsVersion)
        }
        logger.debug("connected", metadata: ["connection": "\(outbox.id)", "client": "\(machine.options.name ?? "")"])
    }

    /// Ends what the client subscribed to before and may not any more, and tells it.
    private mutating func endForbiddenSubscriptions() {
        routes = RouteCache()
        guard !subscriptions.isEmpty else { return }
        router.interest.invalidateRoutes()
        for (sid, subscriber) in subscriptions.all {
            if router.permissions.allow(.network(login.access), to: .subscribe, subscriber.pattern.utf8) { continue }
            outbox.end(subscriber)
            subscriptions[sid] = nil
            router.interest.remove(CollectionOfOne(subscriber))
            perform(.report(.subscriptionViolation(subscriber.pattern.description, queue: subscriber.queue)))
        }
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
    private mutating func carryOut(_ event: ConnectionMachine.Event) -> Bool {
        let action = machine.handle(event)
        guard case .carryOut(let acknowledge) = action else {
            perform(action)
            return false
        }
        if acknowledge { send(FrameEncoder.ok) }
        return true
    }

    private mutating func perform(_ action: ConnectionMachine.Action) {
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

    private mutating func send(_ frame: [UInt8]) {
        batch.note(outbox.append(frame), at: outbox)
    }
}

extension WireError {
    fileprivate static func subscriptionViolation(_ subject: String, queue: String?) -> WireError {
        if let queue { .permissionsViolationQueueSubscription(subject, queue: queue) } else { .permissionsViolationSubscription(subject) }
    }
}
