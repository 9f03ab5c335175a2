import Synchronization

/// What has become of the messages of a kind of objects, at one moment. Counts start with the host and do not go back.
public struct ObjectStatistics: Sendable, Hashable {
    /// The kind.
    public var kind: String
    /// Objects that are active now.
    public var active = 0
    /// Messages handled.
    public var turns = 0
    /// Messages answered by an error, and those refused before they were handled.
    public var errors = 0
    /// Messages refused since too many waited for their object.
    public var rejections = 0
    /// How long messages were handled, in all.
    public var processingTime = Duration.zero
}

/// What has become of a kind's messages, for the NATS service protocol's STATS and for monitoring.
final class KindStatistics: Sendable {
    struct Values: Sendable {
        var requests = 0
        var errors = 0
        var rejections = 0
        var lastError = ""
        var processingTime = Duration.zero
    }

    private let values = Mutex(Values())
    private let requests = Atomic(0)
    private let nanoseconds = Atomic<Int64>(0)

    var snapshot: Values {
        var values = values.withLock { $0 }
        values.requests = requests.load(ordering: .relaxed)
        values.processingTime = .nanoseconds(nanoseconds.load(ordering: .relaxed))
        return values
    }

    func handled(in time: Duration) {
        let (seconds, attoseconds) = time.components
        requests.wrappingAdd(1, ordering: .relaxed)
        nanoseconds.wrappingAdd(seconds &* 1_000_000_000 &+ attoseconds / 1_000_000_000, ordering: .relaxed)
    }

    func failed(_ error: CallError) {
        values.withLock { values in
            values.errors += 1
            if error.code == .overloaded { values.rejections += 1 }
            values.lastError = error.description
        }
    }
}
