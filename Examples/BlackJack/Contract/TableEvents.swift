public import BlackJackRules
public import RivuletContract

/// All that a table tells. Applying the events in order to an empty ``TableSnapshot`` gives the table's own.
public enum TableEvent: EventSet, Hashable {
    /// Someone sat down.
    case joined(PlayerJoined)
    /// The cards are being dealt.
    case started(GameStarted)
    /// Someone got a card.
    case dealt(CardDealt)
    /// A player takes no more cards.
    case stood(PlayerStood)
    /// A player is over 21.
    case busted(PlayerBusted)
    /// The dealer showed its cards.
    case dealerPlayed(DealerPlayed)
    /// The game is over.
    case settled(GameSettled)

    /// All of them.
    public static var members: EventMembers<Self> {
        Member(TableEvent.joined)
        Member(TableEvent.started)
        Member(TableEvent.dealt)
        Member(TableEvent.stood)
        Member(TableEvent.busted)
        Member(TableEvent.dealerPlayed)
        Member(TableEvent.settled)
    }
}

/// Someone sat down.
public struct PlayerJoined: Event, Hashable {
    /// Who.
    public var player: String
    /// Where, from 1.
    public var seat: Int
    /// When the game starts if no more players come.
    public var startsAt: Deadline

    /// An event.
    public init(player: String, seat: Int, startsAt: Deadline) {
        self.player = player
        self.seat = seat
        self.startsAt = startsAt
    }
}

/// The game begins; nobody can join any more.
public struct GameStarted: Event, Hashable {
    /// Who plays, in the order of the seats.
    public var players: [String]

    /// An event.
    public init(players: [String]) {
        self.players = players
    }
}

/// A player or the dealer got a card.
public struct CardDealt: Event, Hashable {
    /// The player's seat, from 1; 0 for the dealer.
    public var seat: Int
    /// The player; nil for the dealer.
    public var player: String?
    /// The card; nil for the dealer's hole card.
    public var card: Card?
    /// Whose turn it is after this; nil for nobody's, or when more happened in the same moment.
    public var turn: PlayerTurn?

    /// An event.
    public init(seat: Int, player: String?, card: Card?, turn: PlayerTurn?) {
        self.seat = seat
        self.player = player
        self.card = card
        self.turn = turn
    }
}

/// A player takes no more cards.
public struct PlayerStood: Event, Hashable {
    /// Who.
    public var player: String
    /// Where, from 1.
    public var seat: Int
    /// What their cards count.
    public var total: Int
    /// Whether it was because the player did nothing for too long.
    public var timedOut: Bool
    /// Whose turn it is after this; nil for nobody's.
    public var turn: PlayerTurn?

    /// An event.
    public init(player: String, seat: Int, total: Int, timedOut: Bool, turn: PlayerTurn?) {
        self.player = player
        self.seat = seat
        self.total = total
        self.timedOut = timedOut
        self.turn = turn
    }
}

/// A player is over 21.
public struct PlayerBusted: Event, Hashable {
    /// Who.
    public var player: String
    /// Where, from 1.
    public var seat: Int
    /// What their cards count.
    public var total: Int
    /// Whose turn it is after this; nil for nobody's.
    public var turn: PlayerTurn?

    /// An event.
    public init(player: String, seat: Int, total: Int, turn: PlayerTurn?) {
        self.player = player
        self.seat = seat
        self.total = total
        self.turn = turn
    }
}

/// The dealer showed the hole card, and drew up to 17 if someone stood.
public struct DealerPlayed: Event, Hashable {
    /// All of the dealer's cards.
    public var hand: Hand
    /// What they count.
    public var total: Int

    /// An event.
    public init(hand: Hand) {
        self.hand = hand
        total = hand.total
    }
}

/// The game is over.
public struct GameSettled: Event, Hashable {
    /// How it ended for one player.
    public struct Result: Codable, Sendable, Hashable {
        /// Who.
        public var player: String
        /// Where, from 1.
        public var seat: Int
        /// What their cards count.
        public var total: Int
        /// How it ended for them.
        public var outcome: Outcome

        /// A result.
        public init(player: String, seat: Int, total: Int, outcome: Outcome) {
            self.player = player
            self.seat = seat
            self.total = total
            self.outcome = outcome
        }
    }

    /// What the dealer's cards count.
    public var dealer: Int
    /// How it ended, in the order of the seats.
    public var results: [Result]

    /// An event.
    public init(dealer: Int, results: [Result]) {
        self.dealer = dealer
        self.results = results
    }
}
