import RivuletBroker
import RivuletMonitoring
import Synchronization

/// Where the node listens, for those who wait to know.
final class Listening: Sendable {
    struct Places: Sendable {
        let broker: Broker.Address
        let monitoring: MonitoringAddress?
    }

    private struct State {
        /// Nil until it is known.
        var outcome: Result<Places, any Error>?
        var waiters: [UInt64: CheckedContinuation<Places, any Error>] = [:]
        var lastWaiter: UInt64 = 0
    }

    private let state = Mutex(State())

    /// - Throws: `CancellationError` when the node ended, or the task is cancelled.
    func places() async throws -> Places {
        let number = state.withLock { state in
            state.lastWaiter += 1
            return state.lastWaiter
        }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (waiter: CheckedContinuation<Places, any Error>) in
                let known = state.withLock { state -> Result<Places, any Error>? in
                    if let outcome = state.outcome { return outcome }
                    if Task.isCancelled { return .failure(CancellationError()) }
                    state.waiters[number] = waiter
                    return nil
                }
                if let known { waiter.resume(with: known) }
            }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: number) }?.resume(throwing: CancellationError())
        }
    }

    func begin(_ address: Broker.Address, monitoring: MonitoringAddress?) {
        become(.success(Places(broker: address, monitoring: monitoring)))
    }

    func end() {
        become(.failure(CancellationError()))
    }

    private func become(_ outcome: Result<Places, any Error>) {
        let waiters = state.withLock { state in
            state.outcome = outcome
            defer { state.waiters = [:] }
            return state.waiters
        }
        for waiter in waiters.values { waiter.resume(with: outcome) }
    }
}
