/// Names a service object: its kind and its id.
///
/// Both are one subject token each on the wire; what a token may not hold is percent-encoded there and plain here.
public struct ObjectID: Hashable, Sendable, Codable, CustomStringConvertible {
    /// The kind, as the object's type declares it.
    public let kind: String
    /// The id within the kind.
    public let id: String

    /// A name.
    public init(kind: String, id: String) {
        self.kind = kind
        self.id = id
    }

    /// `kind/id`, both encoded.
    public var description: String {
        "\(SubjectToken.encode(kind))/\(SubjectToken.encode(id))"
    }

    /// Reads what ``description`` writes.
    public init?(_ description: some StringProtocol) {
        let parts = description.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let kind = SubjectToken.decode(parts[0]), let id = SubjectToken.decode(parts[1]) else { return nil }
        self.init(kind: kind, id: id)
    }
}
