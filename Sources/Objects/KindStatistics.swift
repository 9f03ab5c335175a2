import Synchronization

/// What has become of a kind's messages, for the NATS service protocol's STATS.
final class KindStatistics: Sendable {
    struct Values: Sendable {
        var requests = 0
        var errors = 0
        var lastError = ""
        var processingTime = Duration.zero
    }

    private let values = Mutex(Values())

    var snapshot: Values { values.withLock { $0 } }

    func handled(in time: Duration) {
        values.withLock { values in
            values.requests += 1
            values.processingTime += time
        }
    }

    func failed(_ error: CallError) {
        values.withLock { values in
            values.errors += 1
            values.lastError = error.description
        }
    }
}
