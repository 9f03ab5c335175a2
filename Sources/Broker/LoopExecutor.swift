import NIOCore
import NIOPosix
import RivuletSubscriptions

/// Runs tasks on the thread of an event loop, between its reads and its writes.
final class LoopExecutor: DeliveringThread {
    /// Those of all loops that serve connections; loops and executors last as long as the process.
    private static let all = Dictionary(
        uniqueKeysWithValues: MultiThreadedEventLoopGroup.singleton.makeIterator().map { (ObjectIdentifier($0), LoopExecutor($0)) })

    private let loop: any EventLoop

    private init(_ loop: any EventLoop) {
        self.loop = loop
    }

    /// That of a loop that serves connections.
    static func of(_ loop: any EventLoop) -> LoopExecutor? { all[ObjectIdentifier(loop)] }

    /// That of the loop whose thread this is.
    static var current: LoopExecutor? { MultiThreadedEventLoopGroup.currentEventLoop.flatMap(of) }

    func afterwards(_ work: @escaping @Sendable () -> Void) {
        loop.execute(work)
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        loop.execute { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
