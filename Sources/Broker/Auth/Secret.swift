import Crypto

/// A password or token as it is kept: its bcrypt hash, or, which is for trying things out, plain text. It never shows in any text.
public struct Secret: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    private let text: String

    /// A bcrypt hash, as text that starts with `$2a$`, `$2b$` or `$2y$`, or anything else, which is then plain text.
    public init(_ text: String) {
        self.text = text
    }

    /// Whether it is a hash.
    public var isHashed: Bool { ["$2a$", "$2b$", "$2y$"].contains { text.hasPrefix($0) } }

    /// Whether somebody who says this knows the secret. Where the secret is a hash, finding out takes a tenth of a second or more of
    /// computing: not for event loops.
    func isKnown(bySaying guess: String) -> Bool {
        isHashed ? Bcrypt.verify(guess, against: text) : ConstantTime.areEqual(text.utf8, guess.utf8)
    }

    /// Says nothing.
    public var description: String { "secret" }

    /// Says nothing.
    public var debugDescription: String { description }

    /// Shows nothing.
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}

/// Comparing without telling by the time it takes how much was right.
enum ConstantTime {
    /// Both are hashed first, so that the time depends on neither length nor content of the one that is not to be known.
    static func areEqual(_ left: some Sequence<UInt8>, _ right: some Sequence<UInt8>) -> Bool {
        SHA256.hash(data: Array(left)) == SHA256.hash(data: Array(right))
    }
}
