import Dispatch
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The machine's clocks; calls come from a Dispatch queue.
public struct SystemTime: TimeSource {
    private static let origin = ContinuousClock.now
    private static let wallOrigin = realTime() - wholeNanoseconds(ContinuousClock.now - origin)
    /// More would not fit: some thirty years.
    private static let longest = Duration.seconds(1_000_000_000)
    private static let queue = DispatchQueue(label: "rivulet.time")

    /// The machine's clocks.
    public init() {}

    /// Time since the process first asked.
    public var now: Duration {
        ContinuousClock.now - Self.origin
    }

    /// The system's real-time clock.
    public var wallTime: Timestamp { Timestamp(nanoseconds: Self.realTime()) }

    /// The real-time clock as it was when the process first asked, plus ``now``.
    public var steadyTime: Timestamp { Timestamp(nanoseconds: Self.wallOrigin + Self.wholeNanoseconds(now)) }

    /// Calls within about a millisecond of the deadline.
    public func schedule(at deadline: Duration, _ action: @escaping @Sendable () -> Void) -> ScheduledAction {
        let held = HeldAction(action)
        let delay = min(max(.zero, deadline - now), Self.longest)
        Self.queue.asyncAfter(deadline: .now() + .nanoseconds(Int(Self.wholeNanoseconds(delay)))) { held.take()?() }
        return ScheduledAction { _ = held.take() }
    }

    private static func realTime() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    private static func wholeNanoseconds(_ duration: Duration) -> Int64 {
        duration.components.seconds * 1_000_000_000 + duration.components.attoseconds / 1_000_000_000
    }
}

/// Lets go of the action as soon as it is cancelled: Dispatch keeps its own block until the deadline.
private final class HeldAction: Sendable {
    private let action: Mutex<(@Sendable () -> Void)?>

    init(_ action: @escaping @Sendable () -> Void) {
        self.action = Mutex(action)
    }

    func take() -> (@Sendable () -> Void)? {
        action.withLock { held in
            defer { held = nil }
            return held
        }
    }
}
