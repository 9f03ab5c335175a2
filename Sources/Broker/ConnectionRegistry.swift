import NIOCore
import RivuletWire
import Synchronization

/// The connections there are.
final class ConnectionRegistry: Sendable {
    private struct State {
        var outboxes: [Int: Outbox] = [:]
        var lastID = 0
        var isClosed = false
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    var count: Int { state.withLock { $0.outboxes.count } }

    /// Bytes that wait to be written.
    var pendingBytes: Int { all().reduce(0) { $0 + $1.pendingBytes } }

    /// A number no other connection has or had.
    func makeID() -> Int {
        state.withLock { state in
            state.lastID += 1
            return state.lastID
        }
    }

    /// What becomes of a new connection.
    enum Place {
        case regular
        /// One over the limit.
        case spare
        case refused(WireError)
    }

    /// Adds a connection, or says why there is no place for it.
    func add(_ outbox: Outbox, limit: Int, spare: Int) -> Place {
        state.withLock { state in
            if state.isClosed { return .refused(.serverShutdown) }
            let count = state.outboxes.count
            if count >= limit + spare { return .refused(.maximumConnectionsExceeded) }
            state.outboxes[outbox.id] = outbox
            return count < limit ? .regular : .spare
        }
    }

    func remove(_ outbox: Outbox) {
        let waiting = state.withLock { state -> [CheckedContinuation<Void, Never>] in
            state.outboxes[outbox.id] = nil
            guard state.outboxes.isEmpty else { return [] }
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    /// Tells all connections.
    func signal(_ signal: ConnectionSignal) {
        for outbox in all() { outbox.signal(signal) }
    }

    /// Closes all connections at once, and takes no more.
    func closeAll() {
        state.withLock { $0.isClosed = true }
        for outbox in all() { outbox.channel.close(promise: nil) }
    }

    /// Returns when there is no connection, or `limit` has passed.
    func waitUntilEmpty(atMost limit: Duration) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { try? await Task.sleep(for: limit) }
            group.addTask { await self.waitUntilEmpty() }
            await group.next()
            group.cancelAll()
            wakeUp()
        }
    }

    private func waitUntilEmpty() async {
        await withCheckedContinuation { continuation in
            let isEmpty = state.withLock { state in
                if state.outboxes.isEmpty || Task.isCancelled { return true }
                state.waiting.append(continuation)
                return false
            }
            if isEmpty { continuation.resume() }
        }
    }

    /// Lets those who wait go on, since their time is over.
    private func wakeUp() {
        let waiting = state.withLock { state in
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    func all() -> [Outbox] { state.withLock { Array($0.outboxes.values) } }

    func outbox(_ id: Int) -> Outbox? { state.withLock { $0.outboxes[id] } }
}
