/// What an object can be asked: a value with a name and the type of its answer.
///
/// On the wire it is JSON, published to `obj.<Kind>.<id>.<name>`.
public protocol Message: Codable, Sendable {
    /// What the object answers; ``Empty`` when there is nothing to say.
    associatedtype Reply: Codable & Sendable = Empty

    /// The last token of the subject; the type's name unless declared otherwise.
    static var name: String { get }

    /// The typed errors the object may answer with, so that callers can catch them.
    static var errors: [any ServiceError.Type] { get }
}

extension Message {
    /// The type's name.
    public static var name: String { TypeName.of(Self.self) }

    /// None.
    public static var errors: [any ServiceError.Type] { [] }
}

/// An answer without content: `{}`.
public struct Empty: Codable, Sendable, Hashable {
    /// The only value.
    public init() {}
}
