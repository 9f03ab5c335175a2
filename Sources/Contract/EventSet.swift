/// Some of a kind's events as one type, usually an enum with a case an event type, so that a `switch` over them is exhaustive.
///
/// ```swift
/// enum TableEvent: EventSet {
///     case joined(PlayerJoined), settled(GameSettled)
///     static var members: EventMembers<Self> {
///         Member(TableEvent.joined)
///         Member(TableEvent.settled)
///     }
/// }
/// ```
///
/// Every single ``Event`` type can be followed as well.
public protocol EventSet: Sendable {
    /// The events in the set.
    @EventMembersBuilder<Self> static var members: EventMembers<Self> { get }
}

/// One event type of a set.
public struct Member<Set: EventSet>: Sendable {
    let name: String
    let decode: @Sendable ([UInt8]) throws -> Set

    /// The event type that `wrap`, such as an enum case, takes.
    public init<E: Event>(_ wrap: @escaping @Sendable (E) -> Set) {
        name = E.name
        decode = { wrap(try JSONPayload.decode(E.self, from: $0)) }
    }
}

/// The event types of a set, by name.
public struct EventMembers<Set: EventSet>: Sendable {
    private let decoders: [String: @Sendable ([UInt8]) throws -> Set]

    init(_ members: [Member<Set>]) {
        decoders = Dictionary(members.map { ($0.name, $0.decode) }) { first, _ in first }
    }

    /// The event as a value of the set; nil when its name is not in the set.
    ///
    /// - Throws: `DecodingError` when the name is in the set and the payload does not fit.
    public func decode(name: String, payload: [UInt8]) throws -> Set? {
        try decoders[name]?(payload)
    }
}

/// Builds ``EventMembers`` from a list of ``Member``.
@resultBuilder
public enum EventMembersBuilder<Set: EventSet> {
    /// One event type.
    public static func buildExpression(_ member: Member<Set>) -> Member<Set> { member }
    /// All of them.
    public static func buildBlock(_ members: Member<Set>...) -> EventMembers<Set> { EventMembers(members) }
}
