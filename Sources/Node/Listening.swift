import RivuletBroker
import RivuletMonitoring
import Synchronization

/// Where the node listens, for those who wait to know.
final class Listening: Sendable {
    struct Places: Sendable {
        let broker: Broker.Address
        let monitoring: MonitoringAddress?
    }

    private enum State {
        case waiting([CheckedContinuation<Places, any Error>])
        case listening(Places)
        case ended
    }

    private let state = Mutex(State.waiting([]))

    func places() async throws -> Places {
        try await withCheckedThrowingContinuation { continuation in
            let known = state.withLock { state -> Result<Places, any Error>? in
                switch state {
                case .listening(let places): return .success(places)
                case .ended: return .failure(CancellationError())
                case .waiting(let waiters):
                    state = .waiting(waiters + [continuation])
                    return nil
                }
            }
            if let known { continuation.resume(with: known) }
        }
    }

    func begin(_ address: Broker.Address, monitoring: MonitoringAddress?) {
        let places = Places(broker: address, monitoring: monitoring)
        become(.listening(places), with: .success(places))
    }

    func end() {
        become(.ended, with: .failure(CancellationError()))
    }

    private func become(_ next: State, with result: Result<Places, any Error>) {
        let waiters = state.withLock { state -> [CheckedContinuation<Places, any Error>] in
            defer { state = next }
            guard case .waiting(let waiters) = state else { return [] }
            return waiters
        }
        for waiter in waiters { waiter.resume(with: result) }
    }
}
