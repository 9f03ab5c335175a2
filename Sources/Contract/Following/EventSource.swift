/// Where events can be followed: a bus whose other side answers ``StreamRead``.
public struct EventSource: Sendable {
    let bus: any MessageBus
    let time: any TimeSource
    /// How long a page may take before it is asked for again.
    public var readTimeout: Duration = .seconds(5)
    /// Most events of a page.
    public var pageSize = 256
    /// The size of a page from which on no further event is added to it, in bytes.
    public var pageBytes = 1 << 20

    /// A source over `bus` that waits with `time`.
    public init(bus: any MessageBus, time: any TimeSource) {
        self.bus = bus
        self.time = time
    }
}

/// Something that lets events be followed: a client or a node.
public protocol EventFollowing: Sendable {
    /// Where they come from.
    var eventSource: EventSource { get }
}

extension EventFollowing {
    /// Follows the events of a kind, of all its objects or of one, undecoded.
    ///
    /// - Parameters:
    ///   - start: Where to start.
    ///   - follow: Whether to go on live; if not, the sequence ends once everything was read.
    public func events(
        kind: String, id: String? = nil, from start: StartPosition = .now, follow: Bool = true
    ) -> EventStream<EventEnvelope> {
        EventStream(FollowRequest(kind: kind, id: id, start: start, follows: follow), of: eventSource) { $0 }
    }

    /// Follows those events of all objects of a kind that are in a set.
    public func events<Set: EventSet>(
        of type: Set.Type, kind: String, from start: StartPosition = .now, follow: Bool = true
    ) -> EventStream<Set> {
        EventStream(FollowRequest(kind: kind, start: start, follows: follow), of: eventSource, decode: EventDecoding.set(type))
    }

    /// Follows the events of one type of all objects of a kind.
    public func events<E: Event>(
        of type: E.Type, kind: String, from start: StartPosition = .now, follow: Bool = true
    ) -> EventStream<E> {
        EventStream(FollowRequest(kind: kind, start: start, follows: follow), of: eventSource, decode: EventDecoding.single(type))
    }
}

/// How envelopes become an application's events; nil for those it did not ask for.
enum EventDecoding {
    static func set<Set: EventSet>(_ type: Set.Type) -> @Sendable (EventEnvelope) throws -> Set? {
        let members = Set.members
        return { try members.decode(name: $0.name, payload: $0.payload) }
    }

    static func single<E: Event>(_ type: E.Type) -> @Sendable (EventEnvelope) throws -> E? {
        let name = E.name
        return { $0.name == name ? try JSONPayload.decode(E.self, from: $0.payload) : nil }
    }
}
