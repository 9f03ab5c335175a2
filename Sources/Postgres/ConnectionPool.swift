import DequeModule
import Dispatch
import Foundation
import RivuletBackbone
import RivuletSubscriptions
import Synchronization

/// Threads that each own one connection and take jobs from one queue.
///
/// A thread starts when a job finds all others busy, and connects before it takes one. While there is no connection, jobs wait until
/// their deadlines; nobody waits for longer.
///
/// It also runs tasks that prefer it as their executor, on the same threads and before jobs, but not while a thread connects, which may
/// take long. A task whose jobs are done on the thread that it runs on itself goes on without a change of threads.
final class ConnectionPool<Session>: Sendable {
    private struct State {
        /// Those whose connection was lost, which go first: what became of one is known by what stands in the database until another
        /// has been tried.
        var lost: Deque<Job<Session>> = []
        var waiting: Deque<Job<Session>> = []
        var tasks: Deque<UnownedJob> = []
        var threads = 0
        var idleConnected = Bench()
        var idle = Bench()
        var connecting = 0
        var isOpen = true
        /// Why the last attempt to connect failed, while there was none that succeeded.
        var trouble: StoreError?
        var expiry: (time: Deadline, action: ScheduledAction)?
        var ended: [CheckedContinuation<Void, Never>] = []
    }

    /// Threads that have nothing to do.
    private struct Bench {
        private var count = 0
        private let work = DispatchSemaphore(value: 0)

        /// - Returns: What the thread is to wait for.
        mutating func sitDown() -> DispatchSemaphore {
            count += 1
            return work
        }

        /// - Returns: False when nobody is there.
        mutating func wakeOne() -> Bool {
            guard count > 0 else { return false }
            count -= 1
            work.signal()
            return true
        }
    }

    /// More than these would wait longer than is useful.
    private static var queueLimit: Int { 16_384 }

    private let state = Mutex(State())
    private let name: String
    private let size: Int
    private let time = SystemTime()
    private let connect: @Sendable () throws(StoreError) -> Session

    /// - Parameters:
    ///   - name: Of its threads.
    ///   - connect: Called on a thread of the pool.
    init(_ name: String, size: Int, connect: @escaping @Sendable () throws(StoreError) -> Session) {
        self.name = name
        self.size = max(1, size)
        self.connect = connect
    }

    /// Queues a job; it is told at once when there is no room or the pool was closed.
    func add(_ job: Job<Session>) {
        let refusal = state.withLock { state -> StoreError? in
            guard state.isOpen else { return StoreError(.closed, "the store was closed") }
            guard state.waiting.count < Self.queueLimit else { return StoreError(.unavailable, "too many calls wait for it") }
            // After those that give up before it does. One that comes later may give up sooner, having waited elsewhere.
            let place = state.waiting.lastIndex { $0.deadline <= job.deadline }.map { $0 + 1 }
            state.waiting.insert(job, at: place ?? 0)
            watch(&state)
            staff(&state)
            return nil
        }
        if let refusal { job.giveUp(refusal) }
    }

    /// Queues a part of a task. False if somebody else has to run it.
    func add(_ task: UnownedJob) -> Bool {
        state.withLock { state in
            guard state.isOpen, state.connecting == 0 else { return false }
            state.tasks.append(task)
            staff(&state)
            return true
        }
    }

    /// Takes no more jobs; the threads end, and their connections, when those that are queued have.
    func shut() {
        state.withLock { state in
            state.isOpen = false
            while wake(&state) {}
        }
    }

    /// Shuts, and waits until that is over.
    func close() async {
        shut()
        await withCheckedContinuation { continuation in
            let isOver = state.withLock { state in
                if state.threads > 0 { state.ended.append(continuation) }
                return state.threads == 0
            }
            if isOver { continuation.resume() }
        }
    }

    // MARK: Threads

    /// Sees to it that a thread takes the job that came.
    private func staff(_ state: inout State) {
        guard !wake(&state), state.threads < size else { return }
        state.threads += 1
        let thread = Thread { self.serve() }
        thread.name = name
        thread.start()
    }

    /// Wakes a thread that has a connection; one that has not may not get any, and would keep the job waiting.
    private func wake(_ state: inout State) -> Bool {
        state.idleConnected.wakeOne() || state.idle.wakeOne()
    }

    /// Sees to it that the next job that has to is given up at its deadline.
    private func watch(_ state: inout State) {
        let next = state.lost.reduce(state.waiting.first?.deadline) { min($0 ?? $1.deadline, $1.deadline) }
        guard let deadline = next else { return }
        if let expiry = state.expiry {
            if expiry.time <= deadline { return }
            expiry.action.cancel()
        }
        let action = time.schedule(at: time.now + deadline.remaining) { [weak self] in self?.expire() }
        state.expiry = (deadline, action)
    }

    private func serve() {
        var session: Session?
        var backoff = Backoff()
        while waitForWork(isConnected: session != nil) {
            if runTask(orConnect: session == nil) { continue }
            do throws(StoreError) {
                let current: Session
                if let session {
                    current = session
                } else {
                    current = try connect()
                    session = current
                    backoff = Backoff()
                    state.withLock { state in
                        state.trouble = nil
                        state.connecting -= 1
                    }
                }
                switch attempt(on: current) {
                case .done, nil: break
                case .lost(let error), .broken(let error):
                    session = nil
                    state.withLock { $0.trouble = error }
                }
            } catch {
                state.withLock { $0.trouble = error }
                backoff.wait()
                state.withLock { $0.connecting -= 1 }
            }
        }
        session = nil
        let ended = state.withLock { state in
            state.threads -= 1
            guard state.threads == 0 else { return [CheckedContinuation<Void, Never>]() }
            state.expiry?.action.cancel()
            defer { state.ended = [] }
            return state.ended
        }
        for continuation in ended { continuation.resume() }
    }

    /// - Returns: False when there is nothing more to do, ever.
    private func waitForWork(isConnected: Bool) -> Bool {
        while true {
            let (goesOn, work) = state.withLock { state -> (Bool, DispatchSemaphore?) in
                if !state.lost.isEmpty || !state.waiting.isEmpty || !state.tasks.isEmpty { return (true, nil) }
                guard state.isOpen else { return (false, nil) }
                return (true, isConnected ? state.idleConnected.sitDown() : state.idle.sitDown())
            }
            guard let work else { return goesOn }
            work.wait()
        }
    }

    /// Runs a part of a task, if there is one.
    ///
    /// - Parameter connects: Whether the thread connects if there is none. Then no tasks are taken until it has.
    private func runTask(orConnect connects: Bool) -> Bool {
        let task = state.withLock { state in
            let task = state.tasks.popFirst()
            if task == nil, connects { state.connecting += 1 }
            return task
        }
        task?.runSynchronously(on: asUnownedTaskExecutor())
        return task != nil
    }

    /// Takes the first job and tries it; one whose connection was lost stands first again.
    private func attempt(on session: Session) -> Job<Session>.Progress? {
        guard let job = state.withLock({ $0.lost.popLast() ?? $0.waiting.popFirst() }) else { return nil }
        let progress = job.attempt(session)
        guard case .lost(let error) = progress else { return progress }
        guard !job.deadline.hasPassed else {
            job.giveUp(error)
            return progress
        }
        state.withLock { state in
            state.lost.append(job)
            watch(&state)
            _ = wake(&state)
        }
        return progress
    }

    private func expire() {
        let (late, trouble) = state.withLock { state in
            var late = Array(state.lost.filter(\.deadline.hasPassed))
            state.lost.removeAll(where: \.deadline.hasPassed)
            while let first = state.waiting.first, first.deadline.hasPassed { late.append(state.waiting.removeFirst()) }
            state.expiry = nil
            watch(&state)
            return (late, state.trouble)
        }
        for job in late { job.giveUp(trouble) }
    }
}

extension ConnectionPool: TaskExecutor {
    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        if add(job) { return }
        DispatchQueue.global().async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}

extension StoreError {
    /// Why a pool did not do something, in terms of that.
    ///
    /// - Parameter reason: What stood in the way; nil when that was other calls.
    static func refusal(of task: String, _ store: String, _ reason: StoreError?) -> StoreError {
        guard let reason else { return StoreError(.unavailable, "cannot \(task) \(store): all connections are busy") }
        return reason.code == .closed ? StoreError(.closed, "cannot \(task) \(store): the store was closed") : reason
    }
}

/// How long to wait between attempts to connect: 50 ms at first, a second at the most.
private struct Backoff {
    private var milliseconds: UInt32 = 50

    mutating func wait() {
        usleep(milliseconds * 1000)
        milliseconds = min(1000, milliseconds * 2)
    }
}
