import RivuletSubscriptions
import RivuletWire
import Synchronization

/// What the application is subscribed to, whether there is a connection or not.
final class SubscriptionTable: Sendable {
    struct Entry: Sendable {
        var pattern: SubjectPattern
        var queue: String?
        /// Whether it ends when the client drains; those that carry replies do not.
        var drains: Bool
        /// Whether somebody waits to learn that the server has taken it.
        var awaitsConfirmation = false
        var receive: @Sendable (BusMessage) -> Void
        /// Called when the client ends it, with the error if there is one.
        var ended: @Sendable (BusError?) -> Void = { _ in }

        func write(sid: Int, to sink: inout FrameSink) {
            FrameEncoder.subscribe(pattern.description, queue: queue, sid: sid, to: &sink)
        }
    }

    private struct State {
        var entries: [Int: Entry] = [:]
        var lastSid = 0
        var isClosed = false
        var isDraining = false

        mutating func take(where isMeant: (Entry) -> Bool) -> [Int: Entry] {
            let taken = entries.filter { isMeant($0.value) }
            for sid in taken.keys { entries[sid] = nil }
            return taken
        }
    }

    private let state = Mutex(State())

    /// A number for a subscription to come.
    func reserve() -> Int {
        state.withLock { state in
            state.lastSid += 1
            return state.lastSid
        }
    }

    func add(_ entry: Entry, sid: Int) throws(BusError) {
        let isRefused = state.withLock { state -> Bool in
            if state.isClosed || (state.isDraining && entry.drains) { return true }
            state.entries[sid] = entry
            return false
        }
        if isRefused { throw BusError(.closed, "the client is closed") }
    }

    /// False if it was not there.
    func remove(_ sid: Int) -> Bool {
        state.withLock { $0.entries.removeValue(forKey: sid) != nil }
    }

    /// The server has seen it.
    func confirm(_ sid: Int) {
        state.withLock { state -> Void in
            state.entries[sid]?.awaitsConfirmation = false
        }
    }

    func entry(_ sid: Int) -> Entry? {
        state.withLock { $0.entries[sid] }
    }

    /// Writes SUB for all, except those that were written before.
    ///
    /// - Returns: Those written now.
    @discardableResult
    func write(except written: Set<Int> = [], to sink: inout FrameSink) -> Set<Int> {
        state.withLock { state in
            let entries = state.entries.filter { !written.contains($0.key) }
            for (sid, entry) in entries.sorted(by: { $0.key < $1.key }) { entry.write(sid: sid, to: &sink) }
            return Set(entries.keys)
        }
    }

    /// Ends those that the server does not allow.
    func end(refused subject: String, queue: String?) {
        let refused = state.withLock { state in
            state.take { $0.pattern.description == subject && $0.queue == queue }
        }
        let error = BusError(.forbidden, "the server does not allow a subscription to \"\(subject)\"")
        for entry in refused.values { entry.ended(error) }
    }

    /// Ends those that are not confirmed, since the server has refused one of them for having too many.
    ///
    /// - Returns: Their sids.
    func endUnconfirmed() -> [Int] {
        let refused = state.withLock { state in state.take { $0.awaitsConfirmation } }
        let error = BusError(.limit, "the server takes no more subscriptions of this client")
        for entry in refused.values { entry.ended(error) }
        return Array(refused.keys)
    }

    /// Accepts no more that drain; the sids of those there are.
    func startDraining() -> [Int] {
        state.withLock { state in
            state.isDraining = true
            return state.entries.filter(\.value.drains).map(\.key)
        }
    }

    func end(_ sids: [Int]) {
        let ended = state.withLock { state in sids.compactMap { state.entries.removeValue(forKey: $0) } }
        for entry in ended { entry.ended(nil) }
    }

    func close() {
        let ended = state.withLock { state in
            state.isClosed = true
            defer { state.entries = [:] }
            return Array(state.entries.values)
        }
        for entry in ended { entry.ended(nil) }
    }
}
