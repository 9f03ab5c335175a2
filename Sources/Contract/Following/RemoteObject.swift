/// An object as a client or a node sees it: it can be asked, sent messages, and its events followed.
public struct RemoteObject: CallableObject {
    /// The object's name.
    public let object: ObjectID
    /// What carries the calls.
    public let caller: any ObjectCaller
    private let source: EventSource

    /// An object that is called through `caller` and whose events come from `source`.
    public init(_ object: ObjectID, caller: any ObjectCaller, source: EventSource) {
        self.object = object
        self.caller = caller
        self.source = source
    }

    /// Follows the object's events, undecoded.
    ///
    /// - Parameters:
    ///   - start: Where to start.
    ///   - follow: Whether to go on live; if not, the sequence ends once everything was read.
    public func events(from start: StartPosition = .now, follow: Bool = true) -> EventStream<EventEnvelope> {
        EventStream(request(start, follow), of: source) { $0 }
    }

    /// Follows those of the object's events that are in a set.
    public func events<Set: EventSet>(
        of type: Set.Type, from start: StartPosition = .now, follow: Bool = true
    ) -> EventStream<Set> {
        EventStream(request(start, follow), of: source, decode: EventDecoding.set(type))
    }

    /// Follows the object's events of one type.
    public func events<E: Event>(of type: E.Type, from start: StartPosition = .now, follow: Bool = true) -> EventStream<E> {
        EventStream(request(start, follow), of: source, decode: EventDecoding.single(type))
    }

    private func request(_ start: StartPosition, _ follow: Bool) -> FollowRequest {
        FollowRequest(kind: object.kind, id: object.id, start: start, follows: follow)
    }
}
