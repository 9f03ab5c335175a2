/// A playing card; written as its rank and suit, `A♠` or `10♥`, also in JSON.
public struct Card: Hashable, Sendable, CustomStringConvertible {
    /// The number or figure.
    public let rank: Rank
    /// The colour.
    public let suit: Suit

    /// A card.
    public init(_ rank: Rank, _ suit: Suit) {
        self.rank = rank
        self.suit = suit
    }

    /// Reads what ``description`` writes; nil for anything else.
    public init?(_ text: some StringProtocol) {
        guard let last = text.last, let suit = Suit(rawValue: String(last)), let rank = Rank(rawValue: String(text.dropLast())) else {
            return nil
        }
        self.init(rank, suit)
    }

    /// `A♠`, `10♥`.
    public var description: String { rank.rawValue + suit.rawValue }
}

extension Card: Codable {
    /// Reads the card's text.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let card = Card(text) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "\"\(text)\" is not a card")
        }
        self = card
    }

    /// Writes the card's text.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

/// The number or figure on a card.
public enum Rank: String, CaseIterable, Sendable, Hashable {
    case ace = "A"
    case two = "2"
    case three = "3"
    case four = "4"
    case five = "5"
    case six = "6"
    case seven = "7"
    case eight = "8"
    case nine = "9"
    case ten = "10"
    case jack = "J"
    case queen = "Q"
    case king = "K"

    /// What it counts, an ace as 1.
    public var points: Int {
        switch self {
        case .ace: 1
        case .jack, .queen, .king: 10
        default: Int(rawValue) ?? 0
        }
    }
}

/// The colour of a card.
public enum Suit: String, CaseIterable, Sendable, Hashable {
    case spades = "♠"
    case hearts = "♥"
    case diamonds = "♦"
    case clubs = "♣"

    /// Whether it is printed in red.
    public var isRed: Bool { self == .hearts || self == .diamonds }
}
