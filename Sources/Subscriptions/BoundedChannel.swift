import DequeModule
import Synchronization

/// A bounded queue between whoever delivers, which never waits, and one task that reads it as a sequence.
public final class BoundedChannel<Element: Sendable>: AsyncSequence, Sendable {
    /// What happens to an element for which there is no room.
    public enum WhenFull: Sendable, Hashable {
        /// The oldest waiting element makes room.
        case dropOldest
        /// The new element is dropped.
        case dropNewest
        /// The channel ends with ``Overflow`` after what is waiting was read.
        case fail
    }

    /// The reader was too slow for ``WhenFull/fail``.
    public struct Overflow: Error, Hashable, CustomStringConvertible {
        /// How many elements were waiting.
        public let waiting: Int
        /// A sentence for people.
        public var description: String { "the reader fell more than \(waiting) elements behind" }
    }

    private struct State {
        var waiting: Deque<Element> = []
        var waitingBytes = 0
        var reader: CheckedContinuation<Element?, any Error>?
        var end: Result<Void, any Error>?
        var dropped = 0
        /// Whether the reader was told the end.
        var isRead = false
    }

    private enum Step {
        case element(Element)
        case end(Result<Void, any Error>)
        case wait
    }

    private let state = Mutex(State())
    private let capacity: Int
    private let byteCapacity: Int
    private let size: @Sendable (Element) -> Int
    private let whenFull: WhenFull
    private let onEnd: OneShot

    /// A channel for at most `capacity` waiting elements.
    ///
    /// - Parameters:
    ///   - byteCapacity: Most bytes of waiting elements; an element alone fits whatever its size.
    ///   - size: How many bytes an element is counted as.
    ///   - onEnd: Called once when the channel ends, also when its reader is cancelled or lets go of it.
    public init(
        capacity: Int, byteCapacity: Int = .max, size: @escaping @Sendable (Element) -> Int = { _ in 0 }, whenFull: WhenFull,
        onEnd: @escaping @Sendable () -> Void = {}
    ) {
        self.capacity = Swift.max(1, capacity)
        self.byteCapacity = byteCapacity
        self.size = size
        self.whenFull = whenFull
        self.onEnd = OneShot(onEnd)
    }

    deinit { onEnd.fire() }

    /// How many elements were dropped because the reader was too slow.
    public var dropped: Int { state.withLock { $0.dropped } }

    /// How many elements wait to be read.
    public var waiting: Int { state.withLock { $0.waiting.count } }

    /// Whether the channel has ended and its reader was told so, after all elements.
    public var isRead: Bool { state.withLock { $0.isRead } }

    /// Adds an element; without effect once the channel ended.
    public func send(_ element: Element) {
        var overflowed = false
        let bytes = size(element)
        let reader = state.withLock { state -> CheckedContinuation<Element?, any Error>? in
            guard state.end == nil else { return nil }
            if let reader = state.reader {
                state.reader = nil
                return reader
            }
            while !hasRoom(for: bytes, in: state) {
                switch whenFull {
                case .dropNewest:
                    state.dropped += 1
                    return nil
                case .dropOldest:
                    state.dropped += 1
                    if let oldest = state.waiting.popFirst() { state.waitingBytes -= size(oldest) }
                case .fail:
                    state.dropped += 1
                    state.end = .failure(Overflow(waiting: state.waiting.count))
                    overflowed = true
                    return nil
                }
            }
            state.waiting.append(element)
            state.waitingBytes += bytes
            return nil
        }
        reader?.resume(returning: element)
        if overflowed { onEnd.fire() }
    }

    private func hasRoom(for bytes: Int, in state: State) -> Bool {
        state.waiting.isEmpty || state.waiting.count < capacity && bytes <= byteCapacity - state.waitingBytes
    }

    /// Ends the channel, after what is waiting was read.
    public func finish(throwing error: (any Error)? = nil) {
        let reader = state.withLock { state -> CheckedContinuation<Element?, any Error>? in
            guard state.end == nil else { return nil }
            // A waiting reader is told the error now, and nobody after it.
            state.end = error.flatMap { state.reader == nil ? .failure($0) : nil } ?? .success(())
            if state.reader != nil { state.isRead = true }
            defer { state.reader = nil }
            return state.reader
        }
        if let error { reader?.resume(throwing: error) } else { reader?.resume(returning: nil) }
        onEnd.fire()
    }

    /// Reads on; one reader at a time.
    public func makeAsyncIterator() -> Iterator {
        Iterator(channel: self)
    }

    /// Reads a channel.
    public struct Iterator: AsyncIteratorProtocol {
        fileprivate let channel: BoundedChannel

        /// The next element, in order; nil when the channel ended or the reading task is cancelled.
        public mutating func next() async throws -> Element? {
            try await channel.next()
        }
    }

    private func next() async throws -> Element? {
        switch take() {
        case .element(let element): return element
        case .end(let end): return try end.map { nil }.get()
        case .wait: break
        }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                // Between the look above and this one an element, the end or a cancellation may have come.
                let step = state.withLock { state -> Step in
                    let step = nextStep(&state)
                    guard case .wait = step else { return step }
                    guard state.reader == nil, !Task.isCancelled else { return .end(.success(())) }
                    state.reader = continuation
                    return .wait
                }
                switch step {
                case .element(let element): continuation.resume(returning: element)
                case .end(let end): continuation.resume(with: end.map { nil })
                case .wait: break
                }
            }
        } onCancel: {
            finish()
        }
    }

    private func take() -> Step {
        state.withLock { nextStep(&$0) }
    }

    private func nextStep(_ state: inout State) -> Step {
        if let element = state.waiting.popFirst() {
            state.waitingBytes -= size(element)
            return .element(element)
        }
        guard let end = state.end else { return .wait }
        state.end = .success(())  // an error is told once
        state.isRead = true
        return .end(end)
    }
}
