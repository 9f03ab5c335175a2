/// Names a service object: its kind and its id.
///
/// Both are one subject token each on the wire; what a token may not hold is percent-encoded there and plain here. As with subjects,
/// names are equal when their bytes are.
public struct ObjectID: Sendable, Codable, CustomStringConvertible {
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

extension ObjectID: Hashable {
    /// Equal bytes.
    public static func == (left: ObjectID, right: ObjectID) -> Bool {
        left.id.hasSameBytes(as: right.id) && left.kind.hasSameBytes(as: right.kind)
    }

    /// Hashes the bytes of the id, and of the kind only how many they are: kinds are few, and most differ in that.
    public func hash(into hasher: inout Hasher) {
        id.hashBytes(into: &hasher)
        hasher.combine(UInt8(truncatingIfNeeded: kind.utf8.count))
    }
}

extension String {
    /// Whether the UTF-8 bytes are the same.
    package func hasSameBytes(as other: String) -> Bool {
        guard utf8.count == other.utf8.count else { return false }
        let isSame = utf8.withContiguousStorageIfAvailable { own in
            other.utf8.withContiguousStorageIfAvailable { other in zip(own, other).allSatisfy { $0 == $1 } }
        }
        return (isSame ?? nil) ?? utf8.elementsEqual(other.utf8)
    }

    /// Hashes what ``hasSameBytes(as:)`` compares: the UTF-8 bytes, ended as no text ends.
    func hashBytes(into hasher: inout Hasher) {
        if utf8.withContiguousStorageIfAvailable({ hasher.combine(bytes: UnsafeRawBufferPointer($0)) }) == nil {
            for byte in utf8 { hasher.combine(byte) }
        }
        hasher.combine(UInt8.max)
    }
}
