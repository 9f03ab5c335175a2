import BlackJackContract
import BlackJackRules
import Rivulet

/// One game of BlackJack, from the first player to the result.
public struct GameTable: ServiceObject {
    /// What is stored: all that decides how the game goes on.
    public struct State: Codable, Sendable {
        var round = Round()
        /// When the game starts, or the turn ends, by itself.
        var clock: Deadline?
        /// Counts how often the clock was set.
        var move = 0
    }

    /// What is stored.
    public var state = State()

    /// A table nobody has sat down at.
    public init() {}

    /// What a table answers.
    public static var handlers: Handlers<Self> {
        Handle(TakeSeat.self) { try $0.join($1.player, in: $2) }
        Handle(Hit.self) { table, message, turn in
            try table.play(message.player, in: turn) { round throws(RoundError) in try round.hit(message.player) }
        }
        Handle(Stand.self) { table, message, turn in
            try table.play(message.player, in: turn) { round throws(RoundError) in try round.stand(message.player) }
        }
        Handle(TimeIsUp.self) { try $0.timeIsUp($1, in: $2) }
        Query(GetTable.self) { table, _, turn in table.snapshot(in: turn) }
    }

    /// Sets the clock again, which does not outlive an activation. The time already waited counts, but never more than was given, so
    /// that a wall clock that was put back holds nobody up.
    public mutating func activated(in turn: Turn) throws {
        guard let clock = state.clock else { return }
        let given = state.round.phase == .waiting ? TableRules.of(turn).startAfter : TableRules.of(turn).turnTime
        schedule(after: min(given, clock.remaining(at: turn.now)), in: turn)
    }

    private mutating func join(_ player: String, in turn: Turn) throws -> TableSnapshot {
        try InvalidPlayerName.check(player)
        guard state.round.seat(of: player) == nil, let seat = try? state.round.join(player) else { return snapshot(in: turn) }
        if state.clock == nil { setClock(TableRules.of(turn).startAfter, in: turn) }
        if let clock = state.clock { turn.publish(PlayerJoined(player: player, seat: seat, startsAt: clock)) }
        if seat == Round.seats { try start(in: turn) }
        return snapshot(in: turn)
    }

    private mutating func play(
        _ player: String, in turn: Turn, _ move: (inout Round) throws(RoundError) -> [Round.Step]
    ) throws -> SeatView {
        let steps: [Round.Step]
        do {
            steps = try move(&state.round)
        } catch {
            throw refusal(of: player, error)
        }
        try tell(steps, in: turn)
        guard let seat = snapshot(in: turn).seats.first(where: { $0.player == player }) else { throw NotSeated(player: player) }
        return seat
    }

    private mutating func timeIsUp(_ message: TimeIsUp, in turn: Turn) throws -> Empty {
        guard message.move == state.move else { return Empty() }
        if state.round.phase == .waiting {
            try start(in: turn)
        } else if let seat = state.round.turn {
            let steps = try state.round.stand(state.round.seats[seat - 1].player)
            try tell(steps, timedOut: true, in: turn)
        }
        return Empty()
    }

    private mutating func start(in turn: Turn) throws {
        let deck = Deck(seed: TableRules.of(turn).seed ?? .random(in: .min ... .max))
        let steps = try state.round.start(deck)
        turn.publish(GameStarted(players: state.round.seats.map(\.player)))
        try tell(steps, in: turn)
    }

    /// Sets the clock for who is next and publishes what happened. A step that ends a move carries whose turn comes after it.
    private mutating func tell(_ steps: [Round.Step], timedOut: Bool = false, in turn: Turn) throws {
        var next: PlayerTurn?
        if let seat = state.round.turn {
            let clock = setClock(TableRules.of(turn).turnTime, in: turn)
            next = PlayerTurn(seat: seat, until: clock)
        } else {
            stopClock(in: turn)
        }
        for (index, step) in steps.enumerated() {
            try publish(step, timedOut: timedOut, next: index == steps.count - 1 ? next : nil, in: turn)
        }
    }

    private func publish(_ step: Round.Step, timedOut: Bool, next: PlayerTurn?, in turn: Turn) throws {
        func at(_ seat: Int) -> Round.Seat { state.round.seats[seat - 1] }
        switch step {
        case .dealt(let seat, let card):
            turn.publish(CardDealt(seat: seat, player: at(seat).player, card: card, turn: next))
        case .dealtDealer(let card):
            turn.publish(CardDealt(seat: 0, player: nil, card: card, turn: next))
        case .stood(let seat):
            turn.publish(
                PlayerStood(player: at(seat).player, seat: seat, total: at(seat).hand.total, timedOut: timedOut, turn: next))
        case .busted(let seat):
            turn.publish(PlayerBusted(player: at(seat).player, seat: seat, total: at(seat).hand.total, turn: next))
        case .dealerPlayed(let hand):
            turn.publish(DealerPlayed(hand: hand))
        case .settled:
            let results = state.round.seats.enumerated().compactMap { index, seat in
                seat.outcome.map {
                    GameSettled.Result(player: seat.player, seat: index + 1, total: seat.hand.total, outcome: $0)
                }
            }
            turn.publish(GameSettled(dealer: state.round.dealer.total, results: results))
            // Sent, not asked: the casino asks tables, so the other way round would be a cycle. It also copes when this is lost.
            try turn.object(Casino.self, Casino.id).send(GameOver(table: turn.id))
        }
    }

    private func snapshot(in turn: Turn) -> TableSnapshot {
        TableSnapshot(table: turn.id, round: state.round, clock: state.clock)
    }

    private func refusal(of player: String, _ error: RoundError) -> any Error {
        switch error {
        case .notSeated: return NotSeated(player: player)
        case .notRunning: return GameNotRunning(phase: state.round.phase)
        case .notYourTurn:
            guard let seat = state.round.turn else { return GameNotRunning(phase: state.round.phase) }
            return NotYourTurn(player: player, turn: state.round.seats[seat - 1].player)
        case .closed, .noCards: return error
        }
    }

    // MARK: The clock

    private static let clockName = "clock"

    @discardableResult
    private mutating func setClock(_ delay: Duration, in turn: Turn) -> Deadline {
        let clock = Deadline(delay, after: turn.now)
        state.clock = clock
        state.move += 1
        schedule(after: delay, in: turn)
        return clock
    }

    private mutating func stopClock(in turn: Turn) {
        state.clock = nil
        state.move += 1
        turn.cancelSchedule(named: Self.clockName)
    }

    private func schedule(after delay: Duration, in turn: Turn) {
        turn.schedule(TimeIsUp(move: state.move), after: delay, named: Self.clockName)
    }
}
