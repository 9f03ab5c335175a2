import BlackJackContract
import BlackJackRules
import Rivulet

/// Shows players to their tables. There is one, with the id ``id``.
public struct Casino: ServiceObject {
    /// The casino's id.
    public static let id = "main"

    /// What is stored.
    public struct State: Codable, Sendable {
        /// The table that new players are sent to; tables have the ids 1, 2, 3 …
        var table = 1
        /// Where players are, as far as the casino knows.
        var seats: [String: Seat] = [:]
    }

    /// What is stored.
    public var state = State()

    /// A casino without players.
    public init() {}

    /// What a casino answers.
    public static var handlers: Handlers<Self> {
        Handle(JoinGame.self) { try await $0.join($1.player, in: $2) }
        Handle(GameOver.self) { casino, message, _ in
            casino.close(message.table)
            return Empty()
        }
    }

    private mutating func join(_ player: String, in turn: Turn) async throws -> Seat {
        try InvalidPlayerName.check(player)
        if let seat = state.seats[player] {
            // The table knows whether its game still runs: its word that it is over may be lost or late.
            let table = try await turn.object(GameTable.self, seat.table).ask(GetTable())
            if table.phase != .settled, table.seats.contains(where: { $0.player == player }) { return seat }
            close(seat.table)
        }
        while true {
            let table = try await turn.object(GameTable.self, String(state.table)).ask(TakeSeat(player: player))
            if table.phase != .settled {
                note(table)
                if let seat = state.seats[player] { return seat }
            }
            state.table += 1
        }
    }

    /// Remembers everyone at the newest table, also those whose seat was given in a turn of the casino that was lost.
    private mutating func note(_ table: TableSnapshot) {
        for seat in table.seats { state.seats[seat.player] = Seat(table: table.table, seat: seat.seat) }
    }

    private mutating func close(_ table: String) {
        state.seats = state.seats.filter { $0.value.table != table }
    }
}
