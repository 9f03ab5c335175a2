import RivuletSubscriptions
import Synchronization

/// Everybody's subscriptions, for use from any thread.
///
/// The generation changes with every change, after it was made and before the call that made it returns. Who keeps a route and finds
/// the generation unchanged knows that the route is still right.
final class Interest: Sendable {
    private let index = Mutex(InterestIndex<Subscriber>())
    private let currentGeneration = Atomic<UInt64>(1)

    var generation: UInt64 { currentGeneration.load(ordering: .acquiring) }

    var count: Int { index.withLock { $0.count } }

    func insert(_ subscriber: Subscriber, _ pattern: SubjectPattern, queue: String?) {
        index.withLock { index in
            let entry = index.insert(pattern, queue: queue, subscriber)
            subscriber.entry.withLock { $0 = entry }
            currentGeneration.wrappingAdd(1, ordering: .releasing)
        }
    }

    func remove(_ subscribers: some Sequence<Subscriber>) {
        index.withLock { index in
            for subscriber in subscribers {
                let entry = subscriber.entry.withLock { entry in
                    defer { entry = nil }
                    return entry
                }
                if let entry { index.remove(entry) }
            }
            currentGeneration.wrappingAdd(1, ordering: .releasing)
        }
    }

    /// Makes everybody who keeps a route work it out anew, since who may get what has changed.
    func invalidateRoutes() {
        currentGeneration.wrappingAdd(1, ordering: .releasing)
    }

    /// Who wants the subject, and the generation this is true in.
    func route(for subject: some Collection<UInt8>) -> (route: Route<Subscriber>, generation: UInt64) {
        index.withLock { ($0.route(for: subject), currentGeneration.load(ordering: .relaxed)) }
    }
}
