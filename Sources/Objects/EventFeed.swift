import DequeModule
import Logging
import RivuletBackbone
import Synchronization

/// Brings the durable events of all streams to this node's subscribers, in order and each once, whichever node committed them: does what
/// each stream's ``StreamFeedMachine`` says.
///
/// What this node commits is delivered where it is committed, as long as no other node has committed before it. The rest is found by
/// looking at the streams' heads, when the log's doorbell rings and now and then without it, and read if anybody here follows.
final class EventFeed: Sendable {
    private struct State {
        var machines: [String: StreamFeedMachine] = [:]
        /// Which pages are to be read next, in order; at most one of each stream.
        var reads: Deque<(stream: String, numbers: ClosedRange<UInt64>)> = []
        var reading = 0
        var mustLook = false
        var isLooking = false
        var lookFails = false
        var mustListen = false
        var isListening = false
        var poll: ScheduledAction?
        var hasStopped = false
    }

    private enum Job {
        case look
        case listen
        case read(String, ClosedRange<UInt64>)
    }

    private static let concurrentReads = 8
    private static let pageSize = 256

    private let log: any EventLog
    private let bus: any MessageBus
    private let time: any TimeSource
    private let pollInterval: Duration
    private let lookPause: Duration
    private let listens: Bool
    private let commitsSettle: @Sendable () async -> Void
    private let logger: Logger
    /// Whether also deliveries to nobody are seen.
    private let isTraced = MessageTracing().isOn
    private let state = Mutex(State())
    private let jobs = BoundedChannel<Void>(capacity: 1, whenFull: .dropNewest)

    /// - Parameters:
    ///   - listens: Whether the log's doorbell tells of something that this node does not know.
    ///   - commitsSettle: Waits until this node has told of what it has committed before.
    init(
        log: any EventLog, bus: any MessageBus, time: any TimeSource, pollInterval: Duration, lookPause: Duration, listens: Bool,
        commitsSettle: @escaping @Sendable () async -> Void, logger: Logger
    ) {
        self.log = log
        self.bus = bus
        self.time = time
        self.pollInterval = pollInterval
        self.lookPause = lookPause
        self.listens = listens
        self.commitsSettle = commitsSettle
        self.logger = logger
    }

    /// Begins after what is in the streams now; ``run()`` does the rest.
    func start() async throws(StoreError) {
        for stream in try await log.heads().keys.sorted() {
            guard let found = try await log.state(of: stream) else { continue }
            state.withLock { $0.machines[stream] = StreamFeedMachine(after: found) }
        }
        poll()
    }

    /// Looks, reads and delivers until ``stop()``.
    func run() async {
        await withDiscardingTaskGroup { group in
            var wakes = jobs.makeAsyncIterator()
            while (try? await wakes.next()) != nil {
                while let job = nextJob() {
                    group.addTask { await self.perform(job) }
                }
            }
            group.cancelAll()
        }
    }

    func stop() {
        let poll = state.withLock { state in
            state.hasStopped = true
            return state.poll
        }
        poll?.cancel()
        jobs.finish()
    }

    /// Delivers events that this node has committed, now if nothing is missing before them. Turns come in the order of the stream.
    func committed(_ turns: [CommittedEvents], in stream: String) {
        advance(stream) { $0.committed(turns) }
    }

    // MARK: One stream

    /// Tells a stream's machine what has happened, and does what it says.
    private func advance(_ stream: String, _ event: (inout StreamFeedMachine) -> StreamFeedMachine.Action) {
        var action = state.withLock { event(&$0.machines[stream, default: StreamFeedMachine()]) }
        while true {
            switch action {
            case .deliver(let portion):
                deliver(portion, of: stream)
                action = state.withLock { $0.machines[stream, default: StreamFeedMachine()].delivered() }
            case .read(let numbers):
                guard !isFollowed(stream), let next = state.withLock({ $0.machines[stream]?.passOver() }) else {
                    return ask { $0.reads.append((stream, numbers)) }
                }
                action = next
            case .pause(let pause):
                _ = time.schedule(at: time.now + pause) { [weak self] in self?.advance(stream) { $0.retry() } }
                return
            case .none: return
            }
        }
    }

    private func deliver(_ portion: EventPortion, of stream: String) {
        // To ask once is quicker than for each event. Who comes meanwhile wants what comes later: all of these have committed.
        guard isTraced || isFollowed(stream) else { return }
        portion.forEachMessage(of: stream, where: bus.isWanted) { bus.publish($0, orLogTo: logger) }
    }

    private func isFollowed(_ stream: String) -> Bool {
        bus.hasSubscribers(under: Subject(received: Array("evt.\(SubjectToken.encode(stream))".utf8)))
    }

    private func read(_ numbers: ClosedRange<UInt64>, of stream: String) async {
        let limit = Int(min(numbers.upperBound - numbers.lowerBound, UInt64(Self.pageSize - 1))) + 1
        let result: Result<EventPage, StoreError>
        do {
            result = .success(try await log.read(EventRead(stream: stream, from: numbers.lowerBound, limit: limit)))
        } catch {
            logger.warning(
                "events cannot be read", metadata: ["stream": "\(stream)", "from": "\(numbers.lowerBound)", "error": "\(error)"])
            result = .failure(error)
        }
        advance(stream) { machine in
            switch result {
            case .success(let page): machine.take(page)
            case .failure: machine.readFailed()
            }
        }
        ask { $0.reading -= 1 }
    }

    // MARK: All streams

    private func ask(_ change: (inout State) -> Void) {
        state.withLock { change(&$0) }
        jobs.send(())
    }

    private func nextJob() -> Job? {
        state.withLock { state in
            if state.mustListen, !state.isListening {
                state.mustListen = false
                state.isListening = true
                return .listen
            }
            if state.mustLook, !state.isLooking {
                state.mustLook = false
                state.isLooking = true
                return .look
            }
            guard state.reading < Self.concurrentReads, let next = state.reads.popFirst() else { return nil }
            state.reading += 1
            return .read(next.stream, next.numbers)
        }
    }

    private func perform(_ job: Job) async {
        switch job {
        case .look: await look()
        case .listen: await listen()
        case .read(let stream, let numbers): await read(numbers, of: stream)
        }
    }

    /// Looks at once, and again and again.
    private func poll() {
        let action = time.schedule(at: time.now + pollInterval) { [weak self] in self?.poll() }
        let hasStopped = state.withLock { state -> Bool in
            state.poll = action
            return state.hasStopped
        }
        if hasStopped { return action.cancel() }
        ask { state in
            state.mustLook = true
            state.mustListen = listens
        }
    }

    private func look() async {
        do {
            let heads = try await log.heads()
            await commitsSettle()
            state.withLock { $0.lookFails = false }
            for (stream, head) in heads { advance(stream) { $0.see(head: head) } }
        } catch {
            let isNew = state.withLock { state -> Bool in
                defer { state.lookFails = true }
                return !state.lookFails
            }
            if isNew { logger.warning("events of other nodes cannot be looked for", metadata: ["error": "\(error)"]) }
        }
        guard lookPause > .zero else { return ask { $0.isLooking = false } }
        _ = time.schedule(at: time.now + lookPause) { [weak self] in self?.ask { $0.isLooking = false } }
    }

    /// Looks whenever the doorbell rings. A doorbell that has ended is opened again with the next look that is due without it.
    private func listen() async {
        do {
            let rings = try await log.doorbell()
            ask { $0.mustLook = true }
            for try await _ in rings { ask { $0.mustLook = true } }
        } catch {
            logger.debug("the doorbell of the store has ended", metadata: ["error": "\(error)"])
        }
        state.withLock { $0.isListening = false }
    }
}
