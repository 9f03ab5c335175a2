/// What a subscription asks for: a subject in which `*` stands for one token and a last `>` for one or more.
public struct SubjectPattern: Sendable, CustomStringConvertible {
    /// The pattern as text.
    public let description: String

    /// Checks and keeps a pattern.
    ///
    /// - Throws: ``SubjectError`` when the text is empty, has an empty token or white space, or a `>` before its end.
    public init(_ text: String) throws(SubjectError) {
        try SubjectRules.check(text.utf8, wildcards: true)
        description = text
    }

    /// The pattern that matches this one subject.
    public init(_ subject: Subject) {
        description = subject.description
    }

    /// The tokens between the dots, in order.
    public var tokens: [Substring] {
        description.split(separator: ".", omittingEmptySubsequences: false)
    }

    /// The bytes that travel.
    public var utf8: String.UTF8View { description.utf8 }

    /// Whether a message published to `subject` is asked for.
    public func matches(_ subject: Subject) -> Bool {
        matches(subject.utf8)
    }

    /// Whether a message published to the subject with these bytes is asked for.
    public func matches(_ subject: some Collection<UInt8>) -> Bool {
        var wanted = utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).makeIterator()
        for token in subject.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false) {
            guard let want = wanted.next() else { return false }
            if want.elementsEqual(CollectionOfOne(UInt8(ascii: ">"))) { return true }
            if want.elementsEqual(CollectionOfOne(UInt8(ascii: "*"))) { continue }
            if !want.elementsEqual(token) { return false }
        }
        return wanted.next() == nil
    }
}

extension SubjectPattern: Hashable {
    /// Equal bytes.
    public static func == (left: SubjectPattern, right: SubjectPattern) -> Bool {
        left.utf8.elementsEqual(right.utf8)
    }

    /// Hashes the bytes.
    public func hash(into hasher: inout Hasher) {
        description.hashBytes(into: &hasher)
    }
}
