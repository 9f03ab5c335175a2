/// What is left of 52 shuffled cards. The order is part of the value: a stored deck goes on as it would have.
public struct Deck: Hashable, Sendable, Codable {
    private var cards: [Card]

    /// A full deck in an order that only depends on `seed`.
    public init(seed: UInt64) {
        var generator = SplitMix64(state: seed)
        cards = Suit.allCases.flatMap { suit in Rank.allCases.map { Card($0, suit) } }.shuffled(using: &generator)
    }

    /// A deck of chosen cards; `cards[0]` is drawn first.
    public init(_ cards: [Card]) {
        self.cards = cards.reversed()
    }

    /// How many cards are left.
    public var count: Int { cards.count }

    /// Takes the next card; nil when none is left.
    public mutating func draw() -> Card? {
        cards.popLast()
    }
}

/// Sebastiano Vigna's generator of that name; small, and the same on every platform.
struct SplitMix64: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
