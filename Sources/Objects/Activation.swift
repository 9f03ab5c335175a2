import Logging
import RivuletBackbone
import Synchronization

/// The one live instance of an object: a mailbox, drained by one task while it holds anything.
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
        let generation: UInt64
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
        var background: [Task<Void, Never>] = []
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

    private static let longestStint = 64

    let id: ObjectID
    let kind: Kind
    let services: ObjectServices
    let state: Mutex<State>
    private let onEnd: @Sendable (Activation) -> Void

    init(id: ObjectID, kind: Kind, services: ObjectServices, onEnd: @escaping @Sendable (Activation) -> Void) {
        self.id = id
        self.kind = kind
        self.services = services
        self.onEnd = onEnd
        state = Mutex(State(mailbox: Mailbox(capacity: kind.configuration.mailboxCapacity)))
    }

    /// Puts a call into the mailbox.
    func deliver(_ delivery: Delivery) -> Receipt {
        enqueue { $0.append(call: delivery) }
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

    private func startDrain() {
        let executor = kind.configuration.execution == .receivingThread ? services.bus.deliveringExecutor : nil
        let task = services.turns.start(on: executor) { await self.drain() }
        state.withLock { $0.drain = task }
    }

    private func drain() async {
        var core = state.withLock { state in
            defer { state.core = nil }
            return state.core
        }
        var handled = 0
        while let letter = next(&core) {
            handled += 1
            // A busy object lets others have the thread.
            if handled % Self.longestStint == 0 { await Task.yield() }
            switch letter {
            case .delivery(let delivery): await handle(delivery, &core)
            case .deactivate: if await end(&core) { return }
            }
            if Task.isCancelled {
                // Only the overdue turn is cancelled; what waits goes on in a task of its own.
                state.withLock { $0.core = core }
                return startDrain()
            }
        }
    }

    /// The next letter, or nil after the object was put to rest.
    private func next(_ core: inout Core?) -> Letter? {
        var ended = false
        let letter = state.withLock { state -> Letter? in
            state.lastUsed = services.time.now
            if let letter = state.mailbox.next() {
                state.turnStarted = state.lastUsed
                return letter
            }
            state.turnStarted = nil
            state.isDraining = false
            state.drain = nil
            if core == nil, state.held == 0 {
                state.hasEnded = true
                ended = true
                Self.cancelTimers(&state)
            } else {
                state.core = core
                if state.idleCheck == nil { state.idleCheck = checkIdle(after: kind.configuration.idleTimeout) }
            }
            return nil
        }
        if ended { onEnd(self) }
        return letter
    }

    private func checkIdle(after delay: Duration) -> ScheduledAction {
        services.time.schedule(at: services.time.now + delay) { [weak self] in self?.idleTimePassed() }
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

    /// Runs the last turn and ends, unless messages came in the meantime: then the object is activated anew.
    private func end(_ core: inout Core?) async -> Bool {
        if let last = core, isCurrent(last.generation) {
            await runDeactivating(&core)
            _ = await settle(last.generation, to: 0)
        }
        core = nil
        await stopBackground()
        let ended = state.withLock { state -> Bool in
            Self.cancelTimers(&state)
            guard state.mailbox.isEmpty else { return false }
            state.isDraining = false
            state.turnStarted = nil
            state.drain = nil
            state.hasEnded = true
            return true
        }
        if ended {
            services.logger.debug("deactivated", metadata: ["object": "\(id)"])
            onEnd(self)
        }
        return ended
    }

    private static func cancelTimers(_ state: inout State) {
        state.schedules.cancelAll()
        state.idleCheck?.cancel()
        state.idleCheck = nil
    }

    func stopBackground() async {
        let tasks = state.withLock { state in
            defer { state.background = [] }
            return state.background
        }
        for task in tasks { task.cancel() }
        for task in tasks { await task.value }
    }

    /// Waits until at most `limit` turns are held. False when the generation was lost.
    func settle(_ generation: UInt64, to limit: Int) async -> Bool {
        await withCheckedContinuation { continuation in
            let known = state.withLock { state -> Bool? in
                if state.generation != generation { return false }
                if state.held <= limit { return true }
                state.waiters.append(Waiter(generation: generation, limit: limit, continuation: continuation))
                return nil
            }
            if let known { continuation.resume(returning: known) }
        }
    }
}

extension Activation: TurnOwner {
    func isCurrent(_ generation: UInt64) -> Bool {
        state.withLock { $0.generation == generation }
    }

    func lose(_ generation: UInt64) {
        let waiters = state.withLock { state -> [Waiter] in
            guard state.generation == generation else { return [] }
            state.generation += 1
            state.schedules.cancelAll()
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.continuation.resume(returning: false) }
    }

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
        services.turns.leave()
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
            let delivery = Delivery(message: schedule.message, payload: schedule.payload)
            let action = services.time.schedule(at: services.time.now + max(.zero, schedule.delay)) { [weak self] in
                self?.fire(delivery, key: key, token: token)
            }
            state.withLock { $0.schedules.set(action, key: key, token: token) }
        }
    }

    private func fire(_ delivery: Delivery, key: String, token: UInt64) {
        guard state.withLock({ $0.schedules.fire(key: key, token: token) }) else { return }
        _ = enqueue {
            $0.append(schedule: delivery)
            return true
        }
    }

    func start(_ work: @escaping @Sendable (ObjectReference) async throws -> Void) {
        let me = ObjectReference(id, caller: services.caller)
        let (id, logger) = (id, services.logger)
        let task = services.background.start {
            do {
                try await work(me)
            } catch is CancellationError {
                // The activation has ended.
            } catch {
                logger.error("background work failed", metadata: ["object": "\(id)", "error": "\(error)"])
            }
        }
        state.withLock { $0.background.append(task) }
    }
}
