import Logging
import RivuletBackbone
import Synchronization

/// The one live instance of an object: a mailbox, drained by one stint or task at a time while it holds anything.
///
/// The object's value is either at rest in `state` or in the hands of the one drain. Turns run on what earlier turns left, committed
/// or not; the output of each is held until it has committed. When a commit is lost, so is the generation: every held turn fails, and
/// the object is loaded again before its next message.
final class Activation: Sendable {
    /// What the mailbox says to a letter.
    enum Receipt {
        case taken, full, ended
    }

    /// The object between its turns.
    struct Core: Sendable {
        var object: any ServiceObject
        var version: UInt64
        var ownerEpoch: UInt64
        var encoded: [UInt8]
        var replies: ReplyRecords
        var eventSubject: EventSubject?
        let generation: UInt64

        /// Lets `body` change it in place, also where it is optional.
        mutating func lend<Value>(_ body: (inout Core) throws -> Value) rethrows -> Value { try body(&self) }
    }

    struct State: Sendable {
        var mailbox: Mailbox
        var core: Core?
        var isDraining = false
        var hasEnded = false
        var generation: UInt64 = 0
        var held = 0
        var waiters: [Waiter] = []
        var schedules = Schedules()
        var background = RunningTasks()
        /// How many tasks have drained the mailbox, and the last of them.
        var drains: UInt64 = 0
        var drain: Task<Void, Never>?
        var turnStarted: Duration?
        var lastUsed = Duration.zero
        var idleCheck: ScheduledAction?
    }

    struct Waiter: Sendable {
        let generation: UInt64
        let limit: Int
        let continuation: CheckedContinuation<Bool, Never>
    }

    let id: ObjectID
    let kind: Kind
    let services: ObjectServices
    let state: Mutex<State>
    let onEnd: @Sendable (Activation) -> Void

    init(id: ObjectID, kind: Kind, services: ObjectServices, onEnd: @escaping @Sendable (Activation) -> Void) {
        self.id = id
        self.kind = kind
        self.services = services
        self.onEnd = onEnd
        state = Mutex(State(mailbox: Mailbox(capacity: kind.configuration.mailboxCapacity)))
    }

    /// Puts a call into the mailbox.
    func deliver(_ delivery: Delivery, _ payload: [UInt8]) -> Receipt {
        enqueue { $0.append(call: delivery, payload) }
    }

    /// Ends the activation: at once, or after what waits already.
    func deactivate(afterOthers: Bool) {
        _ = enqueue {
            $0.appendDeactivation(afterOthers: afterOthers)
            return true
        }
    }

    /// Cancels a turn that takes too long.
    func checkTurn(at now: Duration) {
        let overdue = state.withLock { state -> Task<Void, Never>? in
            guard let started = state.turnStarted, now - started > kind.configuration.turnTimeout else { return nil }
            state.turnStarted = nil
            return state.drain
        }
        overdue?.cancel()
    }

    private func enqueue(_ append: (inout Mailbox) -> Bool) -> Receipt {
        var starts = false
        let receipt = state.withLock { state -> Receipt in
            guard !state.hasEnded else { return .ended }
            guard append(&state.mailbox) else { return .full }
            starts = !state.isDraining
            state.isDraining = true
            return .taken
        }
        if starts { startDrain() }
        return receipt
    }

    func checkIdle(after delay: Duration) -> ScheduledAction {
        // Not weak, which would make all use of every activation slower: it is cancelled when the activation ends.
        services.time.schedule(at: services.time.now + delay) { [self] in idleTimePassed() }
    }

    private func idleTimePassed() {
        let idle = state.withLock { state -> Bool in
            state.idleCheck = nil
            guard !state.hasEnded, !state.isDraining else { return false }
            let left = kind.configuration.idleTimeout - (services.time.now - state.lastUsed)
            if left <= .zero, state.schedules.isEmpty { return true }
            state.idleCheck = checkIdle(after: max(left, .seconds(1)))
            return false
        }
        if idle { deactivate(afterOthers: true) }
    }

    static func cancelTimers(_ state: inout State) {
        state.schedules.cancelAll()
        state.idleCheck?.cancel()
        state.idleCheck = nil
    }

    func stopBackground() async {
        let tasks = state.withLock { $0.background.all }
        for task in tasks { task.cancel() }
        for task in tasks { await task.value }
    }

    /// Waits until at most `limit` turns are held. False when the generation was lost.
    func settle(_ generation: UInt64, to limit: Int) async -> Bool {
        if let known = state.withLock({ $0.isSettled(generation, to: limit) }) { return known }
        return await withCheckedContinuation { continuation in
            let known = state.withLock { state -> Bool? in
                let known = state.isSettled(generation, to: limit)
                if known == nil { state.waiters.append(Waiter(generation: generation, limit: limit, continuation: continuation)) }
                return known
            }
            if let known { continuation.resume(returning: known) }
        }
    }
}

extension Activation.State {
    /// Whether at most `limit` turns of the generation are held; false when it was lost, nil while there are more.
    func isSettled(_ generation: UInt64, to limit: Int) -> Bool? {
        if self.generation != generation { return false }
        return held <= limit ? true : nil
    }
}

// MARK: - What the committer says

extension Activation {
    /// The stream of its durable events.
    var stream: String { id.kind }

    func isCurrent(_ generation: UInt64) -> Bool {
        state.withLock { $0.generation == generation }
    }

    func loseCurrent() {
        lose(state.withLock { $0.generation })
    }

    /// A turn of the generation could not be committed: the object must be loaded again.
    func lose(_ generation: UInt64) {
        let (waiters, tasks) = state.withLock { state -> ([Waiter], [Task<Void, Never>]) in
            guard state.generation == generation else { return ([], []) }
            state.generation += 1
            state.schedules.cancelAll()
            defer { state.waiters = [] }
            return (state.waiters, state.background.all)
        }
        for task in tasks { task.cancel() }
        for waiter in waiters { waiter.continuation.resume(returning: false) }
    }

    /// A held turn and those before it have committed, or it fails. Does what the turn wants done besides durable events, which have been
    /// given out if there is anything; adds what its caller is told to `replies`.
    ///
    /// - Parameter error: What that is instead of the output, if the turn failed.
    func release(_ output: Output, refusal error: CallError?, to replies: inout [BusMessage]) {
        guard let error else { return release(output, to: &replies) }
        if let refusal = refusal(error, of: output.caller) { replies.append(refusal) }
    }

    /// A turn that was released has been answered. It still counts among the host's turns, from which a batch leaves as one.
    func turnLeft() {
        let waiters = state.withLock { state -> [Waiter] in
            state.held -= 1
            guard !state.waiters.isEmpty else { return [] }
            let held = state.held
            let done = state.waiters.filter { held <= $0.limit }
            state.waiters.removeAll { held <= $0.limit }
            return done
        }
        for waiter in waiters { waiter.continuation.resume(returning: true) }
    }
}

// MARK: - What the object scheduled and started

extension Activation {
    func change(_ change: ScheduleChange, generation: UInt64) {
        switch change {
        case .cancel(let name): state.withLock { $0.schedules.cancel(name) }
        case .set(let schedule):
            let reserved = state.withLock { state -> (key: String, token: UInt64)? in
                guard state.generation == generation, !state.hasEnded else { return nil }
                return state.schedules.reserve(schedule.name)
            }
            guard let (key, token) = reserved else { return }
            let delivery = Delivery(message: schedule.message, handler: kind[schedule.message])
            let action = services.time.schedule(at: services.time.now + max(.zero, schedule.delay)) { [weak self] in
                self?.fire(delivery, schedule.payload, key: key, token: token)
            }
            state.withLock { $0.schedules.set(action, key: key, token: token) }
        }
    }

    private func fire(_ delivery: Delivery, _ payload: [UInt8], key: String, token: UInt64) {
        guard state.withLock({ $0.schedules.fire(key: key, token: token) }) else { return }
        _ = enqueue {
            $0.append(schedule: delivery, payload)
            return true
        }
    }

    func start(_ work: @escaping @Sendable (ObjectReference) async throws -> Void, generation: UInt64) {
        let reserved = state.withLock { state in
            state.generation == generation && !state.hasEnded ? state.background.reserve() : nil
        }
        guard let number = reserved else { return }
        let me = ObjectReference(id, caller: services.caller)
        let (id, logger) = (id, services.logger)
        let task = services.background.start { [weak self] in
            defer { self?.state.withLock { $0.background.end(number) } }
            do {
                try await work(me)
            } catch is CancellationError {
                // The activation has ended.
            } catch {
                logger.error("background work failed", metadata: ["object": "\(id)", "error": "\(error)"])
            }
        }
        let isLost = state.withLock { state in
            state.background.add(task, number)
            return state.generation != generation
        }
        if isLost { task.cancel() }
    }
}
