import Synchronization

/// Live messages on their way to one follower. When there is no room, all are dropped and the follower is told to read the stream:
/// what is in the stream need not be kept here as well.
final class LiveMessages: Sendable {
    enum Arrival: Sendable {
        case message(BusMessage)
        /// Messages may be missing from here on.
        case lost
        case closed
        case cancelled
    }

    private struct State {
        /// In order of arrival. Those before `next` were read, and are cut off together now and then.
        var messages: [BusMessage] = []
        var next = 0
        var bytes = 0
        var isLost = false
        var isClosed = false
        var reader: CheckedContinuation<Void, Never>?
    }

    private let capacity: Int
    private let byteCapacity: Int
    private let state = Mutex(State())

    init(capacity: Int = 4096, byteCapacity: Int = 16 << 20) {
        self.capacity = capacity
        self.byteCapacity = byteCapacity
    }

    func send(_ message: BusMessage) {
        change { state in
            guard !state.isLost, !state.isClosed else { return }
            let size = message.payload.count
            guard state.messages.count - state.next < capacity, state.bytes + size <= byteCapacity || state.bytes == 0 else {
                return Self.lose(&state)
            }
            state.messages.append(message)
            state.bytes += size
        }
    }

    func lose() {
        change { Self.lose(&$0) }
    }

    func close() {
        change { $0.isClosed = true }
    }

    /// Forgets what is waiting, since the stream is going to be read.
    func startOver() {
        state.withLock { state in
            Self.lose(&state)
            state.isLost = false
        }
    }

    /// What came next; one reader at a time.
    func next() async -> Arrival {
        while true {
            if let arrival = state.withLock({ Self.take(&$0) }) { return arrival }
            if Task.isCancelled { return .cancelled }
            await withTaskCancellationHandler {
                await withCheckedContinuation { continuation in
                    let mustWait = state.withLock { state -> Bool in
                        guard state.next == state.messages.count, !state.isLost, !state.isClosed, !Task.isCancelled else { return false }
                        state.reader = continuation
                        return true
                    }
                    if !mustWait { continuation.resume() }
                }
            } onCancel: {
                change { _ in }
            }
        }
    }

    private func change(_ body: (inout State) -> Void) {
        let reader = state.withLock { state -> CheckedContinuation<Void, Never>? in
            body(&state)
            defer { state.reader = nil }
            return state.reader
        }
        reader?.resume()
    }

    private static func take(_ state: inout State) -> Arrival? {
        if state.isLost {
            state.isLost = false
            return .lost
        }
        guard state.next < state.messages.count else { return state.isClosed ? .closed : nil }
        let message = state.messages[state.next]
        state.next += 1
        state.bytes -= message.payload.count
        if state.next == state.messages.count || state.next == 1024 {
            state.messages.removeFirst(state.next)
            state.next = 0
        }
        return .message(message)
    }

    private static func lose(_ state: inout State) {
        state.messages = []
        state.next = 0
        state.bytes = 0
        state.isLost = true
    }
}
