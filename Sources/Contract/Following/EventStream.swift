/// Events in the order of their stream, each exactly once: first those that are kept, then live ones.
///
/// Read it from one task, as slowly as need be: pages of the stream are asked for as they are read, and live events that find no room
/// are read back from the stream later. A broken connection is bridged in the same way. Each iteration starts anew.
///
/// Events of other types than asked for are skipped. Ephemeral events come in only while the follower is caught up.
public struct EventStream<Event: Sendable>: AsyncSequence, Sendable {
    /// Events, and what is to be known between them.
    public typealias Element = FollowItem<Event>

    private let request: FollowRequest
    private let source: EventSource
    private let decode: @Sendable (EventEnvelope) throws -> Event?

    init(_ request: FollowRequest, of source: EventSource, decode: @escaping @Sendable (EventEnvelope) throws -> Event?) {
        self.request = request
        self.source = source
        self.decode = decode
    }

    /// Starts following with the first `next()`.
    public func makeAsyncIterator() -> Iterator {
        Iterator(follower: Follower(request, of: source), decode: decode)
    }

    /// Reads on.
    public struct Iterator: AsyncIteratorProtocol, Sendable {
        fileprivate var follower: Follower
        fileprivate let decode: @Sendable (EventEnvelope) throws -> Event?

        /// The next item; nil when the history was asked for and is read, or when the reading task is cancelled.
        ///
        /// - Throws: ``EventStreamError``. After `undecodable` the next call goes on behind that event.
        public mutating func next() async throws -> FollowItem<Event>? {
            while let output = try await follower.next() {
                switch output {
                case .caughtUp: return .caughtUp
                case .gap(let gap): return .gap(gap)
                case .event(let envelope, let position):
                    if let event = try decoded(envelope) { return .event(event, position) }
                }
            }
            return nil
        }

        private func decoded(_ envelope: EventEnvelope) throws(EventStreamError) -> Event? {
            do {
                return try decode(envelope)
            } catch {
                throw EventStreamError(
                    .undecodable, "event \(envelope.position) is no \(envelope.name) as known here: \(JSONPayload.explain(error))",
                    at: envelope.position, cause: error)
            }
        }
    }
}
