import NIOCore
import NIOPosix

/// What the connections of one event loop are to do later. All of it is served by one timer of the loop: to take one of those back
/// costs the loop as much as it has timers, and each connection has several.
///
/// To be used on its event loop. Nothing is done early, and nothing more than ``step`` late unless the loop is.
final class LoopTimers {
    /// Something to be done later.
    struct Timer {
        fileprivate let timers: LoopTimers
        fileprivate let ticket: DeadlineQueue<() -> Void>.Ticket

        /// Lets it not be done, if it is not already.
        func cancel() { timers.queue.remove(ticket) }
    }

    /// What becomes due in so much time is done together.
    static let step = TimeAmount.milliseconds(10)
    /// How much is done before others have the thread.
    private static let batch = 256

    /// Those of all loops that serve connections; the loops last as long as the process.
    private static let all = Dictionary(
        uniqueKeysWithValues: MultiThreadedEventLoopGroup.singleton.makeIterator().map { loop in
            (ObjectIdentifier(loop), NIOLoopBoundBox.makeBoxSendingValue(LoopTimers(loop), eventLoop: loop))
        })

    private let loop: any EventLoop
    private var queue = DeadlineQueue<() -> Void>()
    private var wakeUp: (time: NIODeadline, scheduled: Scheduled<Void>)?

    private init(_ loop: any EventLoop) {
        self.loop = loop
    }

    /// Those of the loop, on whose thread this is.
    static func of(_ loop: any EventLoop) -> LoopTimers {
        all[ObjectIdentifier(loop)]?.value ?? LoopTimers(loop)
    }

    @discardableResult
    func schedule(in time: Duration, _ action: @escaping () -> Void) -> Timer {
        schedule(at: loop.now + TimeAmount(time), action)
    }

    @discardableResult
    func schedule(at deadline: NIODeadline, _ action: @escaping () -> Void) -> Timer {
        let ticket = queue.add(action, at: deadline)
        scheduleWakeUp()
        return Timer(timers: self, ticket: ticket)
    }

    private func scheduleWakeUp() {
        guard let next = queue.next else { return }
        let now = loop.now
        let time = next <= now ? now : Self.rounded(next)
        if let wakeUp {
            guard time < wakeUp.time else { return }
            wakeUp.scheduled.cancel()
        }
        let bound = NIOLoopBound(self, eventLoop: loop)
        wakeUp = (time, loop.scheduleTask(deadline: time) { bound.value.wake() })
    }

    private func wake() {
        wakeUp = nil
        let now = loop.now
        for _ in 0..<Self.batch {
            guard let action = queue.removeNext(dueAt: now) else { break }
            action()
        }
        scheduleWakeUp()
    }

    /// The next multiple of ``step``.
    private static func rounded(_ deadline: NIODeadline) -> NIODeadline {
        let step = UInt64(step.nanoseconds)
        let rest = deadline.uptimeNanoseconds % step
        return rest == 0 ? deadline : .uptimeNanoseconds(deadline.uptimeNanoseconds - rest + step)
    }
}
