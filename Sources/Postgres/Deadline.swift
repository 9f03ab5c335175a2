/// When waiting has to end, on a clock that never jumps.
struct Deadline: Sendable, Comparable {
    private let instant: ContinuousClock.Instant

    /// So long from now.
    init(in duration: Duration) {
        instant = ContinuousClock.now + duration
    }

    var remaining: Duration { max(.zero, instant - .now) }

    var hasPassed: Bool { instant <= .now }

    /// What `poll` waits, rounded up.
    var milliseconds: Int32 {
        Int32(clamping: Int64((remaining / .milliseconds(1)).rounded(.up)))
    }

    static func - (left: Deadline, right: Deadline) -> Duration { left.instant - right.instant }

    static func < (left: Deadline, right: Deadline) -> Bool { left.instant < right.instant }
}
