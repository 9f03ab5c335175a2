import RivuletBroker
import Synchronization

/// Where the node listens, for those who wait to know.
final class Listening: Sendable {
    private enum State {
        case waiting([CheckedContinuation<Broker.Address, any Error>])
        case listening(Broker.Address)
        case ended
    }

    private let state = Mutex(State.waiting([]))

    func address() async throws -> Broker.Address {
        try await withCheckedThrowingContinuation { continuation in
            let known = state.withLock { state -> Result<Broker.Address, any Error>? in
                switch state {
                case .listening(let address): return .success(address)
                case .ended: return .failure(CancellationError())
                case .waiting(let waiters):
                    state = .waiting(waiters + [continuation])
                    return nil
                }
            }
            if let known { continuation.resume(with: known) }
        }
    }

    func begin(_ address: Broker.Address) {
        become(.listening(address), with: .success(address))
    }

    func end() {
        become(.ended, with: .failure(CancellationError()))
    }

    private func become(_ next: State, with result: Result<Broker.Address, any Error>) {
        let waiters = state.withLock { state -> [CheckedContinuation<Broker.Address, any Error>] in
            defer { state = next }
            guard case .waiting(let waiters) = state else { return [] }
            return waiters
        }
        for waiter in waiters { waiter.resume(with: result) }
    }
}
