import Synchronization

/// Tells everybody who asks what happens to the connection.
final class StatusBroadcast: Sendable {
    private struct State {
        var latest: ClientStatus
        var listeners: [Int: AsyncStream<ClientStatus>.Continuation] = [:]
        var lastListener = 0
        var isOver = false
    }

    private let state: Mutex<State>

    init(_ first: ClientStatus) {
        state = Mutex(State(latest: first))
    }

    /// What is the case now, then what happens. A listener who does not read loses the oldest of 256.
    func listen() -> AsyncStream<ClientStatus> {
        let (stream, listener) = AsyncStream.makeStream(of: ClientStatus.self, bufferingPolicy: .bufferingNewest(256))
        state.withLock { state in
            listener.yield(state.latest)
            if state.isOver { return listener.finish() }
            state.lastListener += 1
            let number = state.lastListener
            state.listeners[number] = listener
            listener.onTermination = { [weak self] _ in
                self?.state.withLock { state in
                    state.listeners[number] = nil
                }
            }
        }
        return stream
    }

    /// - Parameter isPassing: Whether it says nothing about how things stand.
    func send(_ status: ClientStatus, isPassing: Bool = false) {
        let listeners = state.withLock { state in
            if !isPassing { state.latest = status }
            return Array(state.listeners.values)
        }
        for listener in listeners { listener.yield(status) }
    }

    /// The last status.
    func close() {
        send(.closed)
        let listeners = state.withLock { state in
            state.isOver = true
            defer { state.listeners = [:] }
            return Array(state.listeners.values)
        }
        for listener in listeners { listener.finish() }
    }
}
