public import RivuletSubscriptions
import Synchronization

/// Time that stands still until a test moves it.
public final class ManualTime: TimeSource {
    private struct Waiting {
        let deadline: Duration
        let action: @Sendable () -> Void
    }

    private struct State {
        var now: Duration = .zero
        var wallOffset: Int64
        let steadyOffset: Int64
        var nextNumber: UInt64 = 0
        var waiting: [UInt64: Waiting] = [:]

        /// Actions that are due at the same moment come in the order in which they were scheduled.
        var next: (number: UInt64, waiting: Waiting)? {
            waiting.min { ($0.value.deadline, $0.key) < ($1.value.deadline, $1.key) }.map { ($0.key, $0.value) }
        }
    }

    private let state: Mutex<State>

    /// Time that starts at zero, while the wall shows `wallTime`.
    public init(wallTime: Timestamp = Timestamp(nanoseconds: 1_767_225_600_000_000_000)) {
        state = Mutex(State(wallOffset: wallTime.nanoseconds, steadyOffset: wallTime.nanoseconds))
    }

    /// How far the time was moved.
    public var now: Duration { state.withLock { $0.now } }

    /// Moves along with ``now``, unless a test lets it jump.
    public var wallTime: Timestamp {
        state.withLock { Timestamp(nanoseconds: $0.wallOffset + $0.now.nanoseconds) }
    }

    /// Moves along with ``now``.
    public var steadyTime: Timestamp {
        state.withLock { Timestamp(nanoseconds: $0.steadyOffset + $0.now.nanoseconds) }
    }

    /// When the next action is due; nil when none waits.
    public var nextDeadline: Duration? { state.withLock { $0.next?.waiting.deadline } }

    /// Keeps the action for the ``advance(by:)`` that reaches its deadline, or for the next one when it has passed.
    public func schedule(at deadline: Duration, _ action: @escaping @Sendable () -> Void) -> ScheduledAction {
        let number = state.withLock { state in
            state.nextNumber += 1
            state.waiting[state.nextNumber] = Waiting(deadline: deadline, action: action)
            return state.nextNumber
        }
        return ScheduledAction { [weak self] in
            // What the action holds is let go of outside the lock: it may well cancel others.
            _ = self?.state.withLock { $0.waiting.removeValue(forKey: number) }
        }
    }

    /// Moves the time on and calls in order of time what is due on the way, also what those calls schedule. Returns after the last.
    public func advance(by duration: Duration) {
        let target = state.withLock { $0.now + max(.zero, duration) }
        while let action = takeNext(until: target) { action() }
    }

    /// Lets the wall clock alone jump, as an administrator or NTP might.
    public func jumpWall(to wallTime: Timestamp) {
        state.withLock { $0.wallOffset = wallTime.nanoseconds - $0.now.nanoseconds }
    }

    private func takeNext(until target: Duration) -> (@Sendable () -> Void)? {
        state.withLock { state in
            guard let next = state.next, next.waiting.deadline <= target else {
                state.now = max(state.now, target)
                return nil
            }
            state.now = max(state.now, next.waiting.deadline)
            state.waiting[next.number] = nil
            return next.waiting.action
        }
    }
}

extension Duration {
    fileprivate var nanoseconds: Int64 {
        components.seconds * 1_000_000_000 + components.attoseconds / 1_000_000_000
    }
}
