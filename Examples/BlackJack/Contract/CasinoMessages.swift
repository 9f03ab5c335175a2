import BlackJackRules
public import RivuletContract

/// Asks the casino `main` for a seat in a game: the one the player has in a game that runs, else a new one.
public struct JoinGame: Message {
    /// Where to play.
    public typealias Reply = Seat
    /// A name that is not one.
    public static var errors: [any ServiceError.Type] { [InvalidPlayerName.self] }

    /// Who wants to play.
    public var player: String

    /// A wish to play.
    public init(player: String) {
        self.player = player
    }
}

/// A place at a table.
public struct Seat: Codable, Sendable, Hashable {
    /// The table's id: the game is `GameTable` with this id.
    public var table: String
    /// The number of the seat, from 1.
    public var seat: Int

    /// A place at a table.
    public init(table: String, seat: Int) {
        self.table = table
        self.seat = seat
    }
}

/// The name cannot be a player's.
public struct InvalidPlayerName: ServiceError, Hashable {
    /// What is wrong with it.
    public var reason: String
    /// What is wrong with it.
    public var message: String { reason }

    /// Reports a name.
    public init(reason: String) {
        self.reason = reason
    }

    /// Checks a name by the rules of ``PlayerName``.
    public static func check(_ name: String) throws(InvalidPlayerName) {
        if let problem = PlayerName.problem(with: name) { throw InvalidPlayerName(reason: problem) }
    }
}
