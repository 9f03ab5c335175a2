import NIOCore
import NIOPosix
import RivuletSubscriptions
import Synchronization

/// Runs tasks on the thread of an event loop, between its reads and its writes.
final class LoopExecutor: DeliveringThread {
    /// Those of all loops that serve connections; loops and executors last as long as the process.
    private static let all = Dictionary(
        uniqueKeysWithValues: MultiThreadedEventLoopGroup.singleton.makeIterator().map { (ObjectIdentifier($0), LoopExecutor($0)) })

    /// A closure by itself would be wrapped once more to be kept in an array.
    private struct Work: Sendable {
        let run: @Sendable () -> Void
    }

    private let loop: any EventLoop
    /// What is to be done afterwards. One task of the loop does all of it, since a task for each would cost more than it does; what joins it
    /// comes before what else the loop was given meanwhile.
    private let waiting = Mutex<[Work]>([])

    private init(_ loop: any EventLoop) {
        self.loop = loop
    }

    /// That of a loop that serves connections.
    static func of(_ loop: any EventLoop) -> LoopExecutor? { all[ObjectIdentifier(loop)] }

    /// That of the loop whose thread this is.
    static var current: LoopExecutor? { MultiThreadedEventLoopGroup.currentEventLoop.flatMap(of) }

    func afterwards(_ work: @escaping @Sendable () -> Void) {
        let isFirst = waiting.withLock { waiting in
            waiting.append(Work(run: work))
            return waiting.count == 1
        }
        if isFirst { loop.execute { self.runWaiting() } }
    }

    /// What is added meanwhile has its turn later.
    private func runWaiting() {
        let works = waiting.withLock { waiting in
            defer { waiting = [] }
            return waiting
        }
        for work in works { work.run() }
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        loop.execute { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
