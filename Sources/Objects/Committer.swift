import DequeModule
import Metrics
import RivuletBackbone
import Synchronization

/// A turn whose output is held until everything before it, and it itself, is durable.
final class HeldTurn: Sendable {
    let owner: Activation
    /// Turns of one generation build on each other: if one is lost, all later ones are.
    let generation: UInt64
    /// Nil for a turn that only has to wait for those before it.
    let commit: TurnCommit?
    let output: Activation.Output
    /// What the caller is told instead of the output, if the turn failed.
    let refusal: CallError?

    init(owner: Activation, commit: TurnCommit?, output: Activation.Output, refusal: CallError? = nil) {
        self.owner = owner
        generation = output.generation
        self.commit = commit
        self.output = output
        self.refusal = refusal
    }
}

/// Group commit: while a batch is being committed the next one collects. There is no timer on the way.
///
/// What a batch held back is released while the next one is being committed; batches leave in the order in which they were committed.
final class Committer: Sendable {
    private struct State {
        var waiting: Deque<HeldTurn> = []
        var runner: CheckedContinuation<Void, Never>?
        var stopped = false
        /// How many batches were taken, and how many of them have been released.
        var taken: UInt64 = 0
        var released: UInt64 = 0
        var observers: [Observer] = []
    }

    private struct Observer {
        let taken: UInt64
        let continuation: CheckedContinuation<Void, Never>
    }

    /// A turn whose outcome is known.
    private struct Settled: Sendable {
        let turn: HeldTurn
        let outcome: Result<CommitReceipt?, CallError>

        var events: CommittedEvents? {
            let events = turn.output.effects.events
            guard !events.isEmpty, case .success(let receipt?) = outcome else { return nil }
            return CommittedEvents(events: events, receipt: receipt, trace: turn.output.caller.trace)
        }

        /// What the caller is told instead of the output.
        var refusal: CallError? {
            guard case .failure(let error) = outcome else { return turn.refusal }
            return error
        }
    }

    private let state = Mutex(State())
    private let store: any ObjectStore
    private let reply: @Sendable ([BusMessage]) -> Void
    private let batchLimit: Int
    private let byteLimit: Int
    private let batchSize = Recorder(label: "rivulet_commit_batch_size")
    private let failures = Counter(label: "rivulet_commit_failures_total")
    private let fenced = Counter(label: "rivulet_turns_fenced_total")

    /// - Parameters:
    ///   - batchLimit: Most turns of a batch.
    ///   - byteLimit: Most bytes of states, events and records in a batch, unless it has but one turn.
    ///   - reply: Sends the replies of a batch.
    init(store: any ObjectStore, batchLimit: Int, byteLimit: Int, reply: @escaping @Sendable ([BusMessage]) -> Void) {
        self.store = store
        self.batchLimit = max(1, batchLimit)
        self.byteLimit = byteLimit
        self.reply = reply
    }

    /// Takes a turn over; turns of one owner leave in the order they come in.
    func submit(_ turn: HeldTurn) {
        state.withLock { state in
            state.waiting.append(turn)
            defer { state.runner = nil }
            return state.runner
        }?.resume()
    }

    /// Waits until the turns that are being committed now, if there are any, were released.
    func settle() async {
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            let isSettled = state.withLock { state -> Bool in
                guard state.released < state.taken else { return true }
                state.observers.append(Observer(taken: state.taken, continuation: continuation))
                return false
            }
            if isSettled { continuation.resume() }
        }
    }

    /// Commits until ``stop()``; then what waits is still committed.
    ///
    /// - Parameter feed: Gives the durable events out.
    func run(feed: EventFeed) async {
        await withTaskExecutorPreference(store.commitExecutor) {
            await withTaskGroup(of: Void.self) { group in
                while await wait() {
                    let settled = await commit(nextBatch())
                    await group.next()
                    group.addTask(executorPreference: globalConcurrentExecutor) { self.release(settled, feed) }
                }
            }
        }
    }

    func stop() {
        state.withLock { state in
            state.stopped = true
            defer { state.runner = nil }
            return state.runner
        }?.resume()
    }

    private func wait() async -> Bool {
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            let ready = state.withLock { state -> Bool in
                if state.waiting.isEmpty, !state.stopped {
                    state.runner = continuation
                    return false
                }
                return true
            }
            if ready { continuation.resume() }
        }
        return state.withLock { !$0.waiting.isEmpty || !$0.stopped }
    }

    private func nextBatch() -> [HeldTurn] {
        state.withLock { state in
            var bytes = 0
            var batch: [HeldTurn] = []
            batch.reserveCapacity(min(batchLimit, state.waiting.count))
            while batch.count < batchLimit, let next = state.waiting.first {
                bytes += next.commit?.byteCount ?? 0
                if bytes > byteLimit, !batch.isEmpty { break }
                batch.append(next)
                state.waiting.removeFirst()
            }
            state.taken += 1
            return batch
        }
    }

    /// Those that came while a commit failed since the store is not there fail with it: with the next one they would wait as long again.
    private func failWaiting(_ failure: CallError) -> [Settled] {
        let waiting = state.withLock { state in
            defer { state.waiting.removeAll() }
            return Array(state.waiting)
        }
        for turn in waiting where turn.commit != nil { turn.owner.lose(turn.generation) }
        return waiting.map { Settled(turn: $0, outcome: settle($0, nil, failure: failure)) }
    }

    /// Commits what the turns have to write.
    private func commit(_ batch: [HeldTurn]) async -> [Settled] {
        // Generations may be lost while the commit is under way, when the node loses all its objects.
        var writes: [TurnCommit] = []
        writes.reserveCapacity(batch.count)
        let wrote = batch.map { turn in
            guard let commit = turn.commit, turn.owner.isCurrent(turn.generation) else { return false }
            writes.append(commit)
            return true
        }
        var failure = CallError(.unavailable, "an earlier turn of the object could not be committed")
        var outcomes: [TurnOutcome] = []
        var isStoreGone = false
        do throws(StoreError) {
            if !writes.isEmpty {
                batchSize.record(writes.count)
                outcomes = try await store.commit(writes)
            }
        } catch {
            failures.increment()
            isStoreGone = error.code == .unavailable || error.code == .unknownOutcome
            failure = CallError(.unavailable, "the turn could not be committed: \(error.message)")
            for turn in batch where turn.commit != nil { turn.owner.lose(turn.generation) }
        }
        var next = outcomes.makeIterator()
        let settled = zip(batch, wrote).map { turn, wrote in
            Settled(turn: turn, outcome: settle(turn, wrote ? next.next() : nil, failure: failure))
        }
        return isStoreGone ? settled + failWaiting(failure) : settled
    }

    /// What is to be done with a turn, before the next batch can change that.
    private func settle(_ turn: HeldTurn, _ outcome: TurnOutcome?, failure: CallError) -> Result<CommitReceipt?, CallError> {
        // Also when the node has learned meanwhile what it has lost.
        if case .fenced = outcome { fenced.increment() }
        guard turn.owner.isCurrent(turn.generation) else { return .failure(failure) }
        switch outcome {
        case .committed(let receipt): return .success(receipt)
        case nil: return .success(nil)
        case .fenced:
            turn.owner.lose(turn.generation)
            return .failure(CallError(.unavailable, "the object was changed elsewhere; ask again"))
        }
    }

    private func release(_ batch: [Settled], _ feed: EventFeed) {
        var replies: [BusMessage] = []
        replies.reserveCapacity(batch.count)
        var (events, stream): ([CommittedEvents], String) = ([], "")
        events.reserveCapacity(batch.count)
        func deliverEvents() {
            if !events.isEmpty { feed.committed(events, in: stream) }
            events.removeAll(keepingCapacity: true)
        }
        // By index: an element that is taken out is copied whole.
        for index in batch.indices {
            let turn = batch[index].turn
            if let committed = batch[index].events {
                if turn.owner.stream != stream {
                    deliverEvents()
                    stream = turn.owner.stream
                }
                events.append(committed)
            }
            // Whatever else leaves comes after the durable events of its turn, and before those of the next.
            if turn.output.effects.hasOthers { deliverEvents() }
            turn.owner.release(turn.output, refusal: batch[index].refusal, to: &replies)
        }
        deliverEvents()
        reply(replies)
        for index in batch.indices { batch[index].turn.owner.turnLeft() }
        batch.first?.turn.owner.services.turns.leave(batch.count)  // all are of one host
        let observers = state.withLock { state in
            state.released += 1
            let released = state.released
            defer { state.observers.removeAll { $0.taken <= released } }
            return state.observers.filter { $0.taken <= released }
        }
        for observer in observers { observer.continuation.resume() }
    }
}

extension TurnCommit {
    /// Bytes of state, events and record.
    fileprivate var byteCount: Int {
        events.reduce((state?.count ?? 0) + (reply?.payload.count ?? 0)) { $0 + $1.payload.count }
    }
}
