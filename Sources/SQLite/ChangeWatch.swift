import Dispatch
import RivuletBackbone
import RivuletSubscriptions
import Synchronization

/// Tells who listens here what other connections have committed, and looks for it only while somebody listens.
///
/// It asks SQLite for the file's version, which costs microseconds: every millisecond while there are events or relayed messages, and the
/// less often the longer there were none. Other commits, such as the heartbeats of each node, are no reason to hurry.
final class ChangeWatch: Sendable {
    private struct Bell {
        weak var rings: BoundedChannel<Void>?
    }

    private struct Listener {
        let node: String
        /// The number of the last batch that it has seen.
        var seen: Int64
        weak var batches: BoundedChannel<[UInt8]>?
    }

    private struct State {
        var isOpen = true
        var isLooking = false
        /// Somebody may want what was committed before the last look.
        var hasNewcomers = false
        var lastNumber: UInt64 = 0
        var bells: [UInt64: Bell] = [:]
        var listeners: [UInt64: Listener] = [:]
    }

    private struct Looking {
        var reader: ChangeReader?
        var lastNews = ContinuousClock.now
    }

    /// A message after a long silence waits for the longest at most, and half of it on average.
    private static let pauses = (shortest: Duration.milliseconds(1), longest: Duration.milliseconds(8))

    private let file: StoreFile
    private let state = Mutex(State())
    /// Only touched on the queue.
    private let looking = Mutex(Looking())
    private let queue = DispatchQueue(label: "rivulet.sqlite.watch")

    init(file: StoreFile) {
        self.file = file
    }

    // MARK: Listening

    /// A bell for what is committed from now on.
    func addBell() throws(StoreError) -> BoundedChannel<Void> {
        let number = nextNumber()
        let rings = BoundedChannel<Void>(capacity: 1, whenFull: .dropNewest) { [weak self] in
            _ = self?.state.withLock { $0.bells.removeValue(forKey: number) }
        }
        try add { $0.bells[number] = Bell(rings: rings) }
        return rings
    }

    /// The batches after one, of other nodes.
    func addListener(_ node: String, after seen: Int64) throws(StoreError) -> BoundedChannel<[UInt8]> {
        let number = nextNumber()
        let batches = BoundedChannel.relayed { [weak self] in
            _ = self?.state.withLock { $0.listeners.removeValue(forKey: number) }
        }
        try add { $0.listeners[number] = Listener(node: node, seen: seen, batches: batches) }
        return batches
    }

    /// Rings all bells.
    func ring() {
        for bell in state.withLock({ Array($0.bells.values) }) { bell.rings?.send(()) }
    }

    /// Ends what is listened to, and returns when the connection is closed.
    func close() async {
        let (bells, listeners) = state.withLock { state in
            state.isOpen = false
            return (Array(state.bells.values), Array(state.listeners.values))
        }
        for bell in bells { bell.rings?.finish() }
        for listener in listeners { listener.batches?.finish() }
        await withCheckedContinuation { continuation in
            queue.async { [self] in
                looking.withLock { $0.reader = nil }
                continuation.resume()
            }
        }
    }

    private func nextNumber() -> UInt64 {
        state.withLock { state in
            state.lastNumber += 1
            return state.lastNumber
        }
    }

    private func add(_ entry: (inout State) -> Void) throws(StoreError) {
        let isOpen = state.withLock { state in
            guard state.isOpen else { return false }
            entry(&state)
            state.hasNewcomers = true
            if !state.isLooking { queue.async { [weak self] in self?.look() } }
            state.isLooking = true
            return true
        }
        guard isOpen else { throw StoreError(.closed, "cannot listen to \(file.path): the store was closed") }
    }

    // MARK: Looking

    private func look() {
        let (isWanted, hasNewcomers) = state.withLock { state in
            state.isLooking = state.isOpen && !(state.bells.isEmpty && state.listeners.isEmpty)
            defer { state.hasNewcomers = false }
            return (state.isLooking, state.hasNewcomers)
        }
        let pause = looking.withLock { looking in
            guard isWanted else {
                looking.reader = nil
                return Duration.zero
            }
            return look(&looking, forNewcomers: hasNewcomers)
        }
        guard isWanted else { return }
        queue.asyncAfter(deadline: .now() + .microseconds(Int(pause / .microseconds(1)))) { [weak self] in self?.look() }
    }

    /// - Returns: When to look again.
    private func look(_ looking: inout Looking, forNewcomers hasNewcomers: Bool) -> Duration {
        do {
            let reader = try looking.reader ?? ChangeReader(file)
            looking.reader = reader
            let hasChanged = try reader.hasChanged()
            if hasChanged || hasNewcomers, try tell(reader) { looking.lastNews = .now }
        } catch {
            // Whatever may have been committed is not passed over: a new connection looks at everything.
            looking.reader = nil
            return Self.pauses.longest
        }
        let silence = ContinuousClock.now - looking.lastNews
        return min(max(silence / 20, Self.pauses.shortest), Self.pauses.longest)
    }

    /// - Returns: Whether there was anything to tell of.
    private func tell(_ reader: ChangeReader) throws -> Bool {
        let (hasBells, hasListeners) = state.withLock { (!$0.bells.isEmpty, !$0.listeners.isEmpty) }
        let hasEvents = try hasBells && reader.hasMoreEvents()
        if hasEvents { ring() }
        var hasRelayed = false
        while hasListeners, try handOn(reader) { hasRelayed = true }
        return hasEvents || hasRelayed
    }

    /// Reads some batches of the relay for all listeners.
    ///
    /// - Returns: Whether there may be more.
    private func handOn(_ reader: ChangeReader) throws -> Bool {
        let listeners = state.withLock { $0.listeners }
        guard let start = listeners.values.map(\.seen).min() else { return false }
        // What nobody here wants need not be read.
        let nodes = Set(listeners.values.map(\.node))
        let (head, batches) = try reader.relay(after: start, but: nodes.count == 1 ? nodes.first : nil)
        let last = max(start, batches.last?.number ?? head)
        for (number, listener) in listeners where listener.seen < last {
            let next = batches.first { $0.number > listener.seen }
            if let next, next.number == listener.seen + 1 {
                for batch in batches where batch.number > listener.seen && batch.sender != listener.node {
                    listener.batches?.send(batch.frames)
                }
                state.withLock { $0.listeners[number]?.seen = last }
            } else {
                let error = StoreError(.unavailable, "messages that \(file.path) relayed were dropped before they were read")
                listener.batches?.finish(throwing: error)
            }
        }
        return !batches.isEmpty
    }
}
