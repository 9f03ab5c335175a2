import Synchronization

/// Owns the tasks that are started from callbacks, where no task group is in reach: it counts them, cancels them, and is awaited.
final class TaskScope: Sendable {
    private struct State {
        var tasks: [UInt64: Task<Void, Never>] = [:]
        var finishedEarly: Set<UInt64> = []
        var lastNumber: UInt64 = 0
        var busy = 0
        var isCancelled = false
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    /// Starts a task that the scope answers for.
    ///
    /// - Parameter executor: Where it runs, if not on the shared pool.
    @discardableResult
    func start(on executor: (any TaskExecutor)? = nil, _ body: @escaping @Sendable () async -> Void) -> Task<Void, Never> {
        let number = state.withLock { state -> UInt64 in
            state.lastNumber += 1
            state.busy += 1
            return state.lastNumber
        }
        let task = Task(executorPreference: executor) {
            await body()
            self.finished(number)
        }
        let isCancelled = state.withLock { state -> Bool in
            if state.finishedEarly.remove(number) == nil { state.tasks[number] = task }
            return state.isCancelled
        }
        if isCancelled { task.cancel() }
        return task
    }

    /// Counts something under way that is no task; ``leave()`` must follow.
    func enter() {
        state.withLock { $0.busy += 1 }
    }

    /// Takes an ``enter()`` back.
    func leave() {
        let waiters = state.withLock { Self.leave(&$0) }
        for waiter in waiters { waiter.resume() }
    }

    /// Waits until nothing is under way.
    func idle() async {
        await withCheckedContinuation { continuation in
            let idle = state.withLock { state -> Bool in
                if state.busy > 0 { state.waiters.append(continuation) }
                return state.busy == 0
            }
            if idle { continuation.resume() }
        }
    }

    /// Asks all tasks to stop, also those that are started later.
    func cancelAll() {
        let tasks = state.withLock { state in
            state.isCancelled = true
            return Array(state.tasks.values)
        }
        for task in tasks { task.cancel() }
    }

    private func finished(_ number: UInt64) {
        let waiters = state.withLock { state in
            if state.tasks.removeValue(forKey: number) == nil { state.finishedEarly.insert(number) }
            return Self.leave(&state)
        }
        for waiter in waiters { waiter.resume() }
    }

    private static func leave(_ state: inout State) -> [CheckedContinuation<Void, Never>] {
        state.busy -= 1
        guard state.busy == 0 else { return [] }
        defer { state.waiters = [] }
        return state.waiters
    }
}
