import BlackJackContract
import Rivulet

/// The casino asks a table for a seat. The answer is the table, with the player at it unless it is full, has started or is over.
struct TakeSeat: Message {
    typealias Reply = TableSnapshot
    static var errors: [any ServiceError.Type] { [InvalidPlayerName.self] }

    var player: String
}

/// The table's own clock ran out.
struct TimeIsUp: Message {
    /// What it was set for; the clock was set again since when this is not the table's current move.
    var move: Int
}

/// A table tells the casino that its players are free to join another game.
struct GameOver: Message {
    var table: String
}
