import DequeModule
import RivuletBroker
import RivuletSubscriptions
import Synchronization

/// What waits to be sent to the other nodes. Any thread appends; one task takes a batch after the other.
final class RelayOutbox: BrokerPeers {
    /// Messages that are sent in one piece.
    struct Batch: Sendable {
        var bytes: [UInt8] = []
        var messages = 0
    }

    private struct State {
        var full: Deque<Batch> = []
        var filling = Batch()
        /// Bytes that wait or are being sent.
        var pending = 0
        /// How often each pattern was subscribed to since this was taken last.
        var counts: [SubscribedPattern: Int] = [:]
        var hasEnded = false
    }

    private let configuration: RelayConfiguration
    private let onFirst: @Sendable () -> Void
    private let state = Mutex(State())

    /// - Parameter onFirst: Called when something waits and nothing did before. Must return at once.
    init(_ configuration: RelayConfiguration, onFirst: @escaping @Sendable () -> Void) {
        self.configuration = configuration
        self.onFirst = onFirst
    }

    var isCongested: Bool { state.withLock { $0.pending > configuration.stallThreshold } }

    func count(_ wanted: SubscribedPattern, by change: Int) {
        let isFirst = state.withLock { state in
            let isFirst = state.counts.isEmpty
            let count = (state.counts[wanted] ?? 0) + change
            state.counts[wanted] = count == 0 ? nil : count
            return isFirst
        }
        if isFirst { onFirst() }
    }

    func append(messages: Int, _ write: (inout [UInt8]) -> Void) -> PeerAcceptance {
        let (acceptance, isFirst) = state.withLock { state -> (PeerAcceptance, Bool) in
            guard !state.hasEnded, state.pending < configuration.maximumPending else { return (.dropped, false) }
            let isFirst = state.full.isEmpty && state.filling.messages == 0
            let before = state.filling.bytes.count
            write(&state.filling.bytes)
            state.filling.messages += messages
            state.pending += state.filling.bytes.count - before
            if state.filling.bytes.count >= configuration.batchSize {
                state.full.append(state.filling)
                state.filling = Batch()
            }
            return (state.pending > configuration.stallThreshold ? .congested : .taken, isFirst)
        }
        if isFirst { onFirst() }
        return acceptance
    }

    /// The next messages to send, in the order they came; nil if there are none. ``sent(_:)`` must follow.
    func takeBatch() -> Batch? {
        state.withLock { state in
            if let batch = state.full.popFirst() { return batch }
            guard state.filling.messages > 0 else { return nil }
            defer { state.filling = Batch() }
            return state.filling
        }
    }

    /// They are sent, or given up.
    func sent(_ batch: Batch) {
        state.withLock { $0.pending -= batch.bytes.count }
    }

    /// What has been subscribed to more or less often since this was asked last.
    func takeCounts() -> [SubscribedPattern: Int] {
        state.withLock { state in
            defer { state.counts = [:] }
            return state.counts
        }
    }

    /// Takes nothing more.
    func end() {
        state.withLock { $0.hasEnded = true }
    }
}
