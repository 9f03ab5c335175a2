/// What an object tells about itself: a value with a name.
///
/// On the wire it is JSON, published on `evt.<Kind>.<id>.<name>` once the turn that caused it has committed.
public protocol Event: Codable, Sendable {
    /// The last token of the subject; the type's name unless declared otherwise.
    static var name: String { get }

    /// Whether the event is part of the kind's stream. Ephemeral events are delivered to whoever listens, once, and not kept.
    static var durability: EventDurability { get }
}

extension Event {
    /// The type's name.
    public static var name: String { TypeName.of(Self.self) }

    /// Durable.
    public static var durability: EventDurability { .durable }
}

/// Whether events are kept.
public enum EventDurability: Sendable, Hashable {
    /// Numbered, committed with the turn's state, and readable again.
    case durable
    /// Delivered after the commit to whoever listens, and forgotten.
    case ephemeral
}
