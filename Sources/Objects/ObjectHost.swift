public import Logging
public import RivuletBackbone
import Synchronization

/// Hosts the objects of a node: takes calls from the bus, activates objects, and commits their turns to the store.
public final class ObjectHost: Sendable {
    private struct State {
        var attachments: [Attachment] = []
        var watchdog: ScheduledAction?
        var isStopping = false
        /// What callers were refused since the watchdog last looked.
        var wanted: Set<ObjectID> = []
    }

    /// So that the store has little to do with that, and the turns have an end: when the node leaves, all are free at once.
    private static let givenUpAtATime = 1024
    /// How long what was cancelled has to end: commits fail within less.
    private static let grace = Duration.seconds(5)

    private let kinds: [String: KindHost]
    private let services: ObjectServices
    private let log: any EventLog
    private let requester: Requester
    private let state = Mutex(State())
    /// Whether calls from outside the process are refused, since the node ends.
    private let isClosed = Atomic(false)

    /// A host for objects of the given types.
    ///
    /// - Parameters:
    ///   - bus: Where calls come from, and where replies and events go.
    ///   - store: Where turns commit. The same backend must be behind `log`.
    ///   - log: Where the kinds' streams are read.
    ///   - ownership: Which node runs which object; nil if there is no other.
    public init(
        hosting objects: [any ServiceObject.Type], bus: any MessageBus, store: any ObjectStore, log: any EventLog,
        ownership: (any ObjectOwnership)? = nil, time: any TimeSource = SystemTime(), dependencies: Dependencies = Dependencies(),
        configuration: ObjectHostConfiguration = ObjectHostConfiguration(), logger: Logger
    ) {
        let requester = Requester(bus: bus, time: time)
        let committer = Committer(
            store: store, batchLimit: configuration.commitBatchLimit, byteLimit: configuration.commitByteLimit,
            reply: { bus.publish($0, orLogTo: logger) })
        let services = ObjectServices(
            bus: bus,
            caller: BusCaller(bus: bus, requester: requester, time: time, defaultTimeout: configuration.callTimeout),
            store: store, committer: committer,
            feed: EventFeed(
                log: log, bus: bus, time: time, pollInterval: configuration.eventPollInterval, lookPause: configuration.eventLookPause,
                listens: !configuration.isOnlyCommitter, commitsSettle: { await committer.settle() }, logger: logger),
            time: time, dependencies: dependencies, ownership: ownership ?? SoleOwnership(), configuration: configuration,
            logger: logger)
        self.requester = requester
        self.services = services
        self.log = log
        let hosts = objects.map { KindHost(Kind($0), services: services) }
        kinds = Dictionary(hosts.map { ($0.name, $0) }) { first, _ in first }
    }

    /// How many objects are active.
    public var activeCount: Int { kinds.values.reduce(0) { $0 + $1.activeCount } }

    /// What has become of the messages of each kind until now, in the order of their names.
    public var statistics: [ObjectStatistics] {
        kinds.values.sorted { $0.name < $1.name }.map { kind in
            let values = kind.statistics.snapshot
            return ObjectStatistics(
                kind: kind.name, active: kind.activeCount, turns: values.requests, errors: values.errors,
                rejections: values.rejections, processingTime: values.processingTime)
        }
    }

    /// Opens the kinds' streams and begins to take calls. ``run()`` must be running for turns to commit.
    ///
    /// - Throws: ``StoreError`` or ``BusError``.
    public func start() async throws {
        for kind in kinds.values where kind.isPersistent { try await log.open(kind.name) }
        try await services.feed.start()
        let reader = StreamReader(
            log: log, limit: services.configuration.concurrentReads, scope: services.background, time: services.time,
            publish: services.publish)
        var attachments = [
            try services.bus.attach(SubjectPattern(StreamRead.subjectPrefix + "*"), queue: nil) { reader.receive($0) }
        ]
        if !kinds.isEmpty || services.ownership.hasOtherNodes {
            attachments.append(try services.bus.attach(SubjectPattern("obj.>"), queue: nil) { [weak self] in self?.receive($0) })
        }
        if !kinds.isEmpty {
            let announcer = ServiceAnnouncer(kinds: Array(kinds.values), time: services.time, publish: services.publish)
            attachments.append(try services.bus.attach(SubjectPattern("$SRV.>"), queue: nil) { announcer.receive($0) })
        }
        state.withLock { $0.attachments = attachments }
        services.ownership.begin(
            handingBackTo: { [weak self] in self?.receive($0, isHandedBack: true) }, activeCount: { [weak self] in self?.activeCount ?? 0 })
        armWatchdog()
    }

    /// Commits turns and brings the events of other nodes until ``drain()``.
    public func run() async {
        let feed = services.feed
        await withTaskGroup { group in
            group.addTask { await feed.run() }
            await services.committer.run(feed: feed)
            feed.stop()
        }
    }

    /// Takes no more calls but those that turns under way need, finishes what it has, runs the objects' last turns, and ends ``run()``.
    ///
    /// - Parameter patience: How long to wait for turns under way before they are cancelled. What ignores that is left
    ///   behind: for five seconds it is waited for, for five the objects' last turns are, and for as long background work.
    public func drain(patience: Duration = .seconds(10)) async {
        let attachments = state.withLock { state in
            defer { state.attachments = [] }
            return state.attachments
        }
        isClosed.store(true, ordering: .relaxed)
        let (turns, background) = (services.turns, services.background)
        let time = services.time
        let end = time.now + patience
        let limit = time.schedule(at: end) {
            turns.cancelAll()
            for attachment in attachments { attachment.cancel() }
        }
        _ = await turns.idle(until: end + Self.grace, by: time)
        stopWatchdog()
        services.ownership.endReleasing()
        for attachment in attachments { attachment.cancel() }
        for kind in kinds.values { kind.deactivateAll() }
        var left = await turns.idle(until: max(end, time.now) + Self.grace, by: time)
        limit.cancel()
        background.cancelAll()
        left += await background.idle(until: time.now + Self.grace, by: time)
        if left > 0 {
            services.logger.warning("what ignores that it was cancelled is left behind", metadata: ["count": "\(left)"])
        }
        requester.close()
        services.committer.stop()
    }

    /// An object of this node or of another, for code beside the objects: to ask, send messages, and follow.
    public func object(_ kind: String, _ id: String) -> RemoteObject {
        RemoteObject(ObjectID(kind: kind, id: id), caller: services.caller, source: eventSource)
    }

    /// Forgets all objects, since this node has lost them: what they have not committed fails, and they are loaded again when they are
    /// called, wherever that is.
    public func loseAll() {
        for kind in kinds.values { kind.loseAll() }
    }

    /// Waits until no turn is running or waiting for its commit. For tests that hold the time.
    public func settle() async {
        await services.turns.idle()
    }

    /// Tells a caller outside that nothing was done; a node asks again where the object is by then.
    private func refuse(_ message: BusMessage, _ reason: String) {
        guard let reply = message.reply else { return }
        var headers = CallError(.unavailable, "\(reason); ask again").headers
        if message.headers.isHandedOn { headers[HeaderName.moved] = "1" }
        services.publish(BusMessage(subject: reply, headers: headers))
    }

    private func receive(_ message: BusMessage, isHandedBack: Bool = false) {
        // Anybody could say this, and only nodes know.
        if message.headers.isHandedOn, message.origin?.isNode == false {
            var plain = message
            plain.headers[HeaderName.hop] = nil
            return receive(plain, isHandedBack: isHandedBack)
        }
        if isClosed.load(ordering: .relaxed), message.origin != nil {
            want(message.subject)
            return refuse(message, "this node is about to end")
        }
        do throws(CallError) {
            let (object, name) = try ObjectSubject.parse(message.subject)
            guard let kind = kinds[object.kind] else { return try passOn(message, for: object) }
            let chain = message.headers[HeaderName.callChain].map { $0.split(separator: ",").compactMap { ObjectID($0) } } ?? []
            if chain.contains(object) {
                throw CallError(
                    .callCycle, "\(object) waits for this call itself: \((chain + [object]).map(\.description).joined(separator: " → "))")
            }
            let delivery = Delivery(
                message: name, handler: kind.handler(of: name), headers: message.headers, reply: message.reply,
                deadline: message.headers.timeout.map { services.time.now + $0 }, callChain: chain, origin: message.origin)
            switch kind.deliver(delivery, message.payload, to: object, isHandedBack: isHandedBack) {
            case .taken: break
            case .elsewhere(let node): services.ownership.forward(message, for: object, to: node)
            case .behindOthers: services.ownership.forward(message, for: object)
            case .refused(let refusal):
                kind.statistics.failed(refusal)
                throw refusal
            }
        } catch {
            guard let reply = message.reply else { return }
            services.publish(BusMessage(subject: reply, headers: error.headers))
        }
    }

    /// A message for a kind that this node does not host: perhaps another does.
    private func passOn(_ message: BusMessage, for object: ObjectID) throws(CallError) {
        if message.headers.isHandedOn { return refuse(message, "\(object.kind) is not hosted here") }
        let elsewhere = services.ownership.kinds
        if elsewhere.contains(object.kind) { return services.ownership.forward(message, for: object) }
        let known = elsewhere.union(kinds.keys).sorted().joined(separator: ", ")
        let place = services.ownership.hasOtherNodes ? "the cluster" : "this node"
        throw CallError(.unknown, "there is no kind \"\(object.kind)\"; \(place) serves \(known.isEmpty ? "none" : known)")
    }

    private func armWatchdog() {
        let action = services.time.schedule(at: services.time.now + .seconds(1)) { [weak self] in
            guard let self else { return }
            let now = services.time.now
            for kind in kinds.values { kind.checkTurns(at: now) }
            // A node that still has turns under way by now may have them for long.
            giveUpWanted()
            armWatchdog()
        }
        let isStopping = state.withLock { state -> Bool in
            state.watchdog = action
            return state.isStopping
        }
        if isStopping { action.cancel() }
    }

    private func stopWatchdog() {
        let watchdog = state.withLock { state in
            state.isStopping = true
            return state.watchdog
        }
        watchdog?.cancel()
    }

    /// Lets other nodes have what was asked for in vain, unless it is busy.
    private func giveUpWanted() {
        let wanted = state.withLock { state in
            defer { state.wanted = [] }
            return state.wanted
        }
        for object in wanted { kinds[object.kind]?.deactivateIfIdle(object) }
    }

    /// Notes that an object is wanted which this node still has, though it takes no calls any more.
    private func want(_ subject: Subject) {
        guard services.ownership.hasOtherNodes, let (object, _) = try? ObjectSubject.parse(subject), kinds[object.kind] != nil else {
            return
        }
        state.withLock { state in
            if state.wanted.count < Self.givenUpAtATime { state.wanted.insert(object) }
        }
    }
}

extension ObjectHost: EventFollowing {
    /// The node's own bus.
    public var eventSource: EventSource { EventSource(bus: services.bus, time: services.time) }
}
