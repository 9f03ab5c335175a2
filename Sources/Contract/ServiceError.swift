/// An error of the application that callers are meant to see: the JSON body of a reply with code 422.
///
/// A caller whose ``Message/errors`` lists the type catches it as itself.
public protocol ServiceError: Error, Codable, Sendable {
    /// Names the type on the wire; the type's name unless declared otherwise.
    static var name: String { get }

    /// A sentence for people.
    var message: String { get }
}

extension ServiceError {
    /// The type's name.
    public static var name: String { String(describing: Self.self) }

    /// The type's name.
    public var message: String { Self.name }
}
