import Logging
import Synchronization

// How an activation empties its mailbox. Where messages are received, and as long as nothing has to be waited for, a stint on that thread
// does: it takes no task. Everything else is done by a task that ends when the mailbox is empty.
extension Activation {
    private enum Found {
        case letter(Letter)
        /// One that has to be waited for; it is still there.
        case long
        /// None; the object was put to rest.
        case nothing
    }

    /// A busy object lets others have the thread after so many letters.
    private static let longestStint = 64

    func startDrain() {
        guard kind.configuration.execution == .receivingThread, let thread = services.bus.deliveringThread else { return startTask() }
        services.turns.enter()
        // Captures one reference only, for which nothing is allocated.
        thread.afterwards { self.stint() }
    }

    private func startTask(on thread: (any DeliveringThread)? = nil, after unsent: Output? = nil) {
        let number = state.withLock { state in
            state.drains += 1
            return state.drains
        }
        let task = services.turns.start(on: thread) {
            if let unsent { await self.send(unsent) }
            await self.drain()
        }
        // It may be over by now, and another under way.
        state.withLock { if $0.drains == number { $0.drain = task } }
    }

    // MARK: On the receiving thread

    private func stint() {
        defer { services.turns.leave() }
        var core = takeCore()
        for _ in 0..<Self.longestStint {
            switch next(&core, isStint: true) {
            case .nothing: return
            case .letter(.delivery(let delivery, let payload)):
                guard let unsent = handleAtOnce(delivery, payload, &core) else { continue }
                keep(core)
                return startTask(on: services.bus.deliveringThread, after: unsent)
            case .letter(.deactivate), .long:
                keep(core)
                return startTask(on: services.bus.deliveringThread)
            }
        }
        keep(core)
        startDrain()
    }

    // MARK: In a task

    private func drain() async {
        var core = takeCore()
        var handled = 0
        while case .letter(let letter) = next(&core, isStint: false) {
            handled += 1
            if handled % Self.longestStint == 0 { await Task.yield() }
            switch letter {
            case .delivery(let delivery, let payload): await handle(delivery, payload, &core)
            case .deactivate: if await end(&core) { return }
            }
            if Task.isCancelled {
                // Only the overdue turn is cancelled; what waits goes on by itself.
                keep(core)
                return startDrain()
            }
        }
    }

    // MARK: The mailbox

    private func takeCore() -> Core? {
        state.withLock { $0.core.take() }
    }

    private func keep(_ core: Core?) {
        state.withLock { $0.core = core }
    }

    /// The next letter; if there is none, the object is put to rest, and `core` with it.
    private func next(_ core: inout Core?, isStint: Bool) -> Found {
        var ended = false
        let found = state.withLock { state -> Found in
            var generation = core?.generation
            if generation != state.generation {
                core = nil
                generation = nil
            }
            if let letter = state.mailbox.next() {
                if isStint, !isShort(letter, generation, state) {
                    state.mailbox.putBack(letter)
                    return .long
                }
                // A stint cannot be cancelled.
                state.turnStarted = isStint ? nil : services.time.now
                return .letter(letter)
            }
            state.turnStarted = nil
            state.isDraining = false
            state.drain = nil
            if generation == nil, state.held == 0 {
                state.hasEnded = true
                ended = true
                Self.cancelTimers(&state)
            } else {
                swap(&state.core, &core)
                state.lastUsed = services.time.now
                if state.idleCheck == nil { state.idleCheck = checkIdle(after: kind.configuration.idleTimeout) }
            }
            return .nothing
        }
        if ended { onEnd(self) }
        return found
    }

    /// Whether nothing has to be waited for: the object is loaded, not too many of its turns are held, and the handler cannot wait.
    private func isShort(_ letter: Letter, _ generation: UInt64?, _ state: borrowing State) -> Bool {
        guard case .delivery(let delivery, _) = letter, let generation, !services.tracing.isOn,
            state.isSettled(generation, to: kind.configuration.mailboxCapacity) == true
        else { return false }
        return delivery.handler?.maySuspend != true
    }

    /// Runs the last turn and ends, unless messages came in the meantime: then the object is activated anew.
    private func end(_ core: inout Core?) async -> Bool {
        if let last = core, isCurrent(last.generation) {
            await runDeactivating(&core)
            if await settle(last.generation, to: 0) { await services.ownership.release(id, epoch: last.ownerEpoch) }
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
}
