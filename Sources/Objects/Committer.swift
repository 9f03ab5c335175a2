import DequeModule
import Metrics
import RivuletBackbone
import Synchronization

/// A turn whose output is held until everything before it, and it itself, is durable.
struct HeldTurn: Sendable {
    let owner: any TurnOwner
    /// Turns of one generation build on each other: if one is lost, all later ones are.
    let generation: UInt64
    /// Nil for a turn that only has to wait for those before it.
    let commit: TurnCommit?
    let release: @Sendable (CommitReceipt?) -> Void
    let fail: @Sendable (CallError) -> Void
}

/// The activation of held turns.
protocol TurnOwner: Sendable {
    func isCurrent(_ generation: UInt64) -> Bool
    /// A turn of the generation could not be committed: the activation must reload.
    func lose(_ generation: UInt64)
    /// A held turn was released or has failed.
    func turnLeft()
}

/// Group commit: while a batch is being committed the next one collects. There is no timer on the way.
final class Committer: Sendable {
    private struct State {
        var waiting: Deque<HeldTurn> = []
        var runner: CheckedContinuation<Void, Never>?
        var stopped = false
        var isCommitting = false
        var observers: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())
    private let store: any ObjectStore
    private let batchLimit: Int
    private let batchSize = Recorder(label: "rivulet_commit_batch_size")
    private let failures = Counter(label: "rivulet_commit_failures_total")
    private let fenced = Counter(label: "rivulet_turns_fenced_total")

    init(store: any ObjectStore, batchLimit: Int) {
        self.store = store
        self.batchLimit = batchLimit
    }

    /// Takes a turn over; turns of one owner leave in the order they come in.
    func submit(_ turn: HeldTurn) {
        state.withLock { state in
            state.waiting.append(turn)
            defer { state.runner = nil }
            return state.runner
        }?.resume()
    }

    /// Waits until the commit that is under way, if one is, has ended and its turns were released.
    func settle() async {
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            let isSettled = state.withLock { state -> Bool in
                if state.isCommitting { state.observers.append(continuation) }
                return !state.isCommitting
            }
            if isSettled { continuation.resume() }
        }
    }

    /// Commits until ``stop()``; then what waits is still committed.
    func run() async {
        while await wait() {
            await commit(nextBatch())
            endBatch()
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
            let batch = Array(state.waiting.prefix(batchLimit))
            state.waiting.removeFirst(batch.count)
            state.isCommitting = true
            return batch
        }
    }

    private func endBatch() {
        let observers = state.withLock { state in
            state.isCommitting = false
            defer { state.observers = [] }
            return state.observers
        }
        for observer in observers { observer.resume() }
    }

    /// Those that came while a commit failed since the store is not there fail with it: with the next one they would wait as long again.
    private func failWaiting(_ failure: CallError) {
        let waiting = state.withLock { state in
            defer { state.waiting = [] }
            return state.waiting
        }
        for turn in waiting where turn.commit != nil { turn.owner.lose(turn.generation) }
        for turn in waiting { settle(turn, outcome: nil, failure: failure) }
    }

    private func commit(_ batch: [HeldTurn]) async {
        // Generations may be lost while the commit is under way, when the node loses all its objects.
        let isWritten = batch.map { $0.commit != nil && $0.owner.isCurrent($0.generation) }
        let writes = zip(batch, isWritten).compactMap { turn, isWritten in isWritten ? turn.commit : nil }
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
        for (turn, isWritten) in zip(batch, isWritten) {
            settle(turn, outcome: isWritten ? next.next() : nil, failure: failure)
        }
        if isStoreGone { failWaiting(failure) }
    }

    private func settle(_ turn: HeldTurn, outcome: TurnOutcome?, failure: CallError) {
        defer { turn.owner.turnLeft() }
        guard turn.owner.isCurrent(turn.generation) else { return turn.fail(failure) }
        switch outcome {
        case .committed(let receipt): turn.release(receipt)
        case nil: turn.release(nil)
        case .fenced:
            fenced.increment()
            turn.owner.lose(turn.generation)
            turn.fail(CallError(.unavailable, "the object was changed elsewhere; ask again"))
        }
    }
}
