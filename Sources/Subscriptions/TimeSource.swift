/// Time as a node sees it. Everything that waits or measures takes it from here, so that tests can hold and move it.
public protocol TimeSource: Sendable {
    /// Monotonic time since an origin of the source's own; never jumps, and is not comparable between processes.
    var now: Duration { get }

    /// What the wall says; may jump.
    var wallTime: Timestamp { get }

    /// What the wall would say had it not jumped since the source began. What is to be remembered for a while, and by other processes too,
    /// ends by it.
    var steadyTime: Timestamp { get }

    /// Calls `action` once when ``now`` has reached `deadline`, unless cancelled before. `action` must return at once.
    func schedule(at deadline: Duration, _ action: @escaping @Sendable () -> Void) -> ScheduledAction
}

/// A call that waits for its time.
public struct ScheduledAction: Sendable {
    private let end: OneShot

    /// Calls `onCancel` when the action is cancelled.
    public init(onCancel: @escaping @Sendable () -> Void) {
        end = OneShot(onCancel)
    }

    /// Gives the call up; without effect once it was made.
    public func cancel() {
        end.fire()
    }
}
