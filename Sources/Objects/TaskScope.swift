import Synchronization

/// Owns what is started from callbacks, where no task group is in reach: it counts it, cancels its tasks, and is awaited.
final class TaskScope: Sendable {
    private struct State {
        var tasks = RunningTasks()
        var isCancelled = false
        var waiters: [UInt64: CheckedContinuation<Void, Never>] = [:]
        var lastWaiter: UInt64 = 0
    }

    private let state = Mutex(State())
    private let busy = Atomic(0)
    /// Whether anybody may wait: set before `busy` is looked at, and `busy` is counted down before this is looked at.
    private let isAwaited = Atomic(false)

    /// Starts a task that the scope answers for.
    ///
    /// - Parameter executor: Where it runs, if not on the shared pool.
    @discardableResult
    func start(on executor: (any TaskExecutor)? = nil, _ body: @escaping @Sendable () async -> Void) -> Task<Void, Never> {
        enter()
        let number = state.withLock { $0.tasks.reserve() }
        let task = Task(executorPreference: executor) {
            await body()
            self.finished(number)
        }
        let isCancelled = state.withLock { state -> Bool in
            state.tasks.add(task, number)
            return state.isCancelled
        }
        if isCancelled { task.cancel() }
        return task
    }

    /// Counts something under way that is no task; ``leave()`` must follow.
    func enter() {
        busy.wrappingAdd(1, ordering: .sequentiallyConsistent)
    }

    /// Takes an ``enter()`` back, or several.
    func leave(_ count: Int = 1) {
        let left = busy.wrappingSubtract(count, ordering: .sequentiallyConsistent).newValue
        guard left == 0, isAwaited.load(ordering: .sequentiallyConsistent) else { return }
        wakeWaiters()
    }

    /// Waits until nothing is under way.
    func idle() async {
        await wait { _ in }
    }

    /// Waits until nothing is under way, but no longer than until a time.
    ///
    /// - Returns: How much is under way then.
    func idle(until deadline: Duration, by time: any TimeSource) async -> Int {
        var alarm: ScheduledAction?
        await wait { number in
            alarm = time.schedule(at: deadline) { [self] in state.withLock { $0.waiters.removeValue(forKey: number) }?.resume() }
        }
        alarm?.cancel()
        return busy.load(ordering: .sequentiallyConsistent)
    }

    /// - Parameter began: Told the waiter's number once it waits.
    private func wait(_ began: (UInt64) -> Void) async {
        await withCheckedContinuation { continuation in
            let number = state.withLock { state in
                state.lastWaiter += 1
                state.waiters[state.lastWaiter] = continuation
                isAwaited.store(true, ordering: .sequentiallyConsistent)
                return state.lastWaiter
            }
            began(number)
            if busy.load(ordering: .sequentiallyConsistent) == 0 { wakeWaiters() }
        }
    }

    private func wakeWaiters() {
        let waiters = state.withLock { state in
            isAwaited.store(false, ordering: .sequentiallyConsistent)
            defer { state.waiters = [:] }
            return Array(state.waiters.values)
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Asks all tasks to stop, also those that are started later.
    func cancelAll() {
        let tasks = state.withLock { state in
            state.isCancelled = true
            return state.tasks.all
        }
        for task in tasks { task.cancel() }
    }

    private func finished(_ number: UInt64) {
        state.withLock { $0.tasks.end(number) }
        leave()
    }
}
