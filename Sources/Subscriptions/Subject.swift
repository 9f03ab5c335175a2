/// The name a message is published to: tokens separated by dots, without wildcards.
///
/// Two subjects are equal when their UTF-8 bytes are; Unicode equivalence does not count, as everywhere in NATS.
public struct Subject: Sendable, CustomStringConvertible {
    /// The subject as text.
    public let description: String

    /// Checks and keeps a subject a program wants to publish to.
    ///
    /// - Throws: ``SubjectError`` when the text is empty, has an empty token, white space, control characters or wildcards.
    public init(_ text: String) throws(SubjectError) {
        try SubjectRules.check(text.utf8, wildcards: false)
        description = text
    }

    /// One that is known to be valid.
    package init(valid text: String) {
        description = text
    }

    /// A subject as it came off the wire, unchecked; bytes that are not UTF-8 are replaced.
    public init(received bytes: some Collection<UInt8>) {
        description = String(decoding: bytes, as: UTF8.self)
    }

    /// A subject as it came off the wire, unchecked; bytes that are not UTF-8 are replaced.
    public init(received bytes: borrowing Span<UInt8>) {
        description = bytes.withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
    }

    /// Calls `body` with the bytes that travel.
    @inlinable
    public func withSpan<Result>(_ body: (borrowing Span<UInt8>) throws -> Result) rethrows -> Result {
        let found = try description.utf8.withContiguousStorageIfAvailable { try body($0.span) }
        return try found ?? body(Array(description.utf8).span)
    }

    /// Tokens that are already known to be valid, joined by dots.
    ///
    /// - Throws: ``SubjectError`` as ``init(_:)``.
    public init(tokens: [String]) throws(SubjectError) {
        try self.init(tokens.joined(separator: "."))
    }

    /// The tokens between the dots, in order.
    public var tokens: [Substring] {
        description.split(separator: ".", omittingEmptySubsequences: false)
    }

    /// The bytes that travel.
    public var utf8: String.UTF8View { description.utf8 }
}

extension Subject: Hashable {
    /// Equal bytes.
    public static func == (left: Subject, right: Subject) -> Bool {
        left.description.hasSameBytes(as: right.description)
    }

    /// Hashes the bytes.
    public func hash(into hasher: inout Hasher) {
        description.hashBytes(into: &hasher)
    }
}

/// What is wrong with a subject, a pattern or a token.
public enum SubjectError: Error, Hashable, CustomStringConvertible {
    /// The text, or one of its tokens, is empty.
    case emptyToken(in: String)
    /// White space or a control character stands in the text.
    case forbiddenCharacter(in: String)
    /// `*` or `>` stands where a publisher may not use it, or `>` is not the last token of a pattern.
    case misplacedWildcard(in: String)

    /// A sentence for people.
    public var description: String {
        switch self {
        case .emptyToken(let text): "\"\(text)\" has an empty token; tokens between dots hold at least one character"
        case .forbiddenCharacter(let text): "\"\(text)\" holds white space or a control character, which subjects cannot"
        case .misplacedWildcard(let text): "\"\(text)\" uses a wildcard where none may stand"
        }
    }
}

/// The one place that says which bytes may stand in a subject (NATS: no white space, no empty tokens).
enum SubjectRules {
    static func check(_ text: some Collection<UInt8>, wildcards: Bool) throws(SubjectError) {
        var tokenLength = 0
        var wildcard: UInt8? = nil
        func fail(_ make: (String) -> SubjectError) -> SubjectError { make(String(decoding: text, as: UTF8.self)) }
        for byte in text {
            if byte == UInt8(ascii: ".") {
                if tokenLength == 0 { throw fail(SubjectError.emptyToken(in:)) }
                if tokenLength == 1, let wildcard {
                    if !wildcards || wildcard == UInt8(ascii: ">") { throw fail(SubjectError.misplacedWildcard(in:)) }
                }
                tokenLength = 0
                wildcard = nil
                continue
            }
            if byte <= 0x20 || byte == 0x7F { throw fail(SubjectError.forbiddenCharacter(in:)) }
            if byte == UInt8(ascii: "*") || byte == UInt8(ascii: ">") { wildcard = byte }
            tokenLength += 1
        }
        if tokenLength == 0 { throw fail(SubjectError.emptyToken(in:)) }
        if tokenLength == 1, wildcard != nil, !wildcards { throw fail(SubjectError.misplacedWildcard(in:)) }
    }
}
