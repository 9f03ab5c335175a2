/// The cards in front of a player or the dealer.
public struct Hand: Hashable, Sendable, Codable, CustomStringConvertible {
    /// The cards, first dealt first.
    public private(set) var cards: [Card]

    /// A hand; empty by default.
    public init(_ cards: [Card] = []) {
        self.cards = cards
    }

    /// Reads a list of cards.
    public init(from decoder: any Decoder) throws {
        try self.init([Card](from: decoder))
    }

    /// Writes a list of cards.
    public func encode(to encoder: any Encoder) throws {
        try cards.encode(to: encoder)
    }

    /// Takes one more card.
    public mutating func add(_ card: Card) {
        cards.append(card)
    }

    /// The best count: one ace counts 11 as long as that does not bust.
    public var total: Int {
        isSoft ? hardTotal + 10 : hardTotal
    }

    /// Whether an ace counts 11.
    public var isSoft: Bool {
        hardTotal <= 11 && cards.contains { $0.rank == .ace }
    }

    /// Whether it is over 21.
    public var isBust: Bool { hardTotal > 21 }

    /// Whether it is 21 with the first two cards, which beats every other 21.
    public var isBlackjack: Bool { cards.count == 2 && total == 21 }

    /// `A♠ 7♥`.
    public var description: String { cards.map(\.description).joined(separator: " ") }

    private var hardTotal: Int { cards.reduce(0) { $0 + $1.rank.points } }
}
