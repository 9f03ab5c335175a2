import Rivulet

/// How tables are run; a node hands it to its objects as a dependency. Without one the defaults hold.
public struct TableRules: Sendable, Hashable {
    /// How long the first player waits for others; 10 s.
    public var startAfter: Duration
    /// How long a player may do nothing; 10 s.
    public var turnTime: Duration
    /// Orders every deck the same way, for tests; nil for a random order.
    public var seed: UInt64?

    /// The defaults, changed where given.
    public init(startAfter: Duration = .seconds(10), turnTime: Duration = .seconds(10), seed: UInt64? = nil) {
        self.startAfter = startAfter
        self.turnTime = turnTime
        self.seed = seed
    }

    static func of(_ turn: Turn) -> TableRules {
        (try? turn.dependency(TableRules.self)) ?? TableRules()
    }
}
