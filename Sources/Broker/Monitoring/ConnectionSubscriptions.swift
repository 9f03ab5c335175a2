import Synchronization

/// The subscriptions of one connection, by the client's names for them. Its event loop changes them, monitoring reads them.
final class ConnectionSubscriptions: Sendable {
    private let state = Mutex<[[UInt8]: Subscriber]>([:])

    subscript(sid: [UInt8]) -> Subscriber? {
        get { state.withLock { $0[sid] } }
        set { state.withLock { $0[sid] = newValue } }
    }

    var count: Int { state.withLock { $0.count } }

    var isEmpty: Bool { state.withLock { $0.isEmpty } }

    /// As they are now.
    var all: [[UInt8]: Subscriber] { state.withLock { $0 } }

    func removeAll() -> [[UInt8]: Subscriber] {
        state.withLock { state in
            defer { state = [:] }
            return state
        }
    }
}
