public import BlackJackRules
public import RivuletContract

/// Takes another card.
public struct Hit: Message {
    /// The player's hand afterwards.
    public typealias Reply = SeatView
    /// When it is not the player's turn.
    public static var errors: [any ServiceError.Type] { [NotSeated.self, GameNotRunning.self, NotYourTurn.self] }

    /// Who takes it.
    public var player: String

    /// A move.
    public init(player: String) {
        self.player = player
    }
}

/// Takes no more cards.
public struct Stand: Message {
    /// The player's hand.
    public typealias Reply = SeatView
    /// When it is not the player's turn.
    public static var errors: [any ServiceError.Type] { [NotSeated.self, GameNotRunning.self, NotYourTurn.self] }

    /// Who stands.
    public var player: String

    /// A move.
    public init(player: String) {
        self.player = player
    }
}

/// Asks a table what everyone can see.
public struct GetTable: Message {
    /// What everyone can see.
    public typealias Reply = TableSnapshot

    /// A question.
    public init() {}
}

/// The player has no seat at the table.
public struct NotSeated: ServiceError, Hashable {
    /// Who asked.
    public var player: String
    /// A sentence for people.
    public var message: String { "\(player) does not play at this table" }

    /// Reports a player.
    public init(player: String) {
        self.player = player
    }
}

/// It is another player's turn.
public struct NotYourTurn: ServiceError, Hashable {
    /// Who asked.
    public var player: String
    /// Whose turn it is.
    public var turn: String
    /// A sentence for people.
    public var message: String { "it is \(turn)'s turn" }

    /// Reports a player.
    public init(player: String, turn: String) {
        self.player = player
        self.turn = turn
    }
}

/// The game has not started yet, or is over.
public struct GameNotRunning: ServiceError, Hashable {
    /// Where it is.
    public var phase: Phase
    /// A sentence for people.
    public var message: String { phase == .waiting ? "the game has not started" : "the game is over" }

    /// Reports a phase.
    public init(phase: Phase) {
        self.phase = phase
    }
}
