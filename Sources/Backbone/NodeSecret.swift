/// What the nodes of a cluster know of each other, and nobody else: who can read the store is one of them. It never shows in any text.
public struct NodeSecret: Hashable, Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The secret itself, for the store, and for whom it is said to.
    public let text: String

    /// A secret that was kept.
    public init(_ text: String) {
        self.text = text
    }

    /// A new one that nobody can guess: 256 random bits.
    public static func random() -> NodeSecret {
        var generator = SystemRandomNumberGenerator()
        return NodeSecret((0..<4).map { _ in String(generator.next() as UInt64, radix: 36) }.joined(separator: "-"))
    }

    /// Says nothing.
    public var description: String { "secret" }

    /// Says nothing.
    public var debugDescription: String { description }

    /// Shows nothing.
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}
