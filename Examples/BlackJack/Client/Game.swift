import BlackJackContract
import BlackJackRules
import RivuletClient

/// One game as its player goes through it: inputs in, actions out.
struct Game {
    enum Action {
        case show([String])
        case move(Move)
        /// Ask the table how it stands, which sets its clock going again after its node was restarted.
        case wake
        /// The game is over.
        case end(Outcome)
    }

    private(set) var table: TableSnapshot
    private let view: TableView
    private let player: String
    private let playsItself: Bool
    /// Whether all that happened before is known, and what happens now is to be shown.
    private var isLive = false
    /// Whether a move is on its way.
    private var isMoving = false
    private var lastTurn: Int?

    init(player: String, table: String, style: TableView.Style, playsItself: Bool) {
        self.player = player
        self.playsItself = playsItself
        self.table = TableSnapshot(table: table)
        view = TableView(player: player, style: style)
    }

    mutating func handle(_ input: Input, now: Timestamp) -> [Action] {
        switch input {
        case .event(let event): return happened(event, now: now)
        case .caughtUp: return caughtUp(now: now)
        case .key(.character("h")) where isMyTurn && !isMoving && !playsItself: return move(.hit)
        case .key(.character("s")) where isMyTurn && !isMoving && !playsItself: return move(.stand)
        case .second where isOverdue(at: now): return [.wake]
        case .refused(let reason):
            isMoving = false
            return [.show([reason])]
        default: return []
        }
    }

    /// What the player waits for, or is asked.
    func status(now: Timestamp) -> Status {
        guard isLive else { return Status("") }
        switch table.phase {
        case .waiting:
            guard let startsAt = table.startsAt else { return Status("") }
            return Status("waiting for players", ", the game starts in \(TableView.seconds(startsAt.remaining(at: now)))")
        case .running:
            guard let turn = table.turn, let onTurn = table.playerOnTurn else { return Status("") }
            let left = TableView.seconds(turn.until.remaining(at: now))
            guard isMyTurn else { return Status("\(onTurn.player) plays", ", \(left)") }
            return playsItself || isMoving ? Status("") : Status("you have \(onTurn.total): [h]it or [s]tand? ", "\(left) ")
        case .settled: return Status("")
        }
    }

    private mutating func caughtUp(now: Timestamp) -> [Action] {
        guard !isLive, let me else { return [] }
        isLive = true
        let seated = Action.show(["You have seat \(me.seat) at table \(table.table)."])
        return table.phase == .waiting ? [seated] : [seated, .show(view.lines(table, now: now))] + moveOrEnd()
    }

    private mutating func happened(_ event: TableEvent, now: Timestamp) -> [Action] {
        let before = lastTurn
        table.apply(event)
        lastTurn = table.turn?.seat ?? lastTurn
        if concernsMe(event) { isMoving = false }
        guard isLive else { return [] }
        var actions: [Action] = []
        let sentence = view.sentence(event, at: table)
        if !sentence.isEmpty { actions.append(.show([sentence])) }
        let isFirstTurn = before == nil && lastTurn != nil
        let isNewlyMine = isMyTurn && before != lastTurn
        if isFirstTurn || isNewlyMine || table.phase == .settled { actions.append(.show(view.lines(table, now: now))) }
        return actions + moveOrEnd()
    }

    private var me: SeatView? { table.seats.first { $0.player == player } }
    private var isMyTurn: Bool { table.playerOnTurn?.player == player }

    private func isOverdue(at now: Timestamp) -> Bool {
        guard isLive, let due = table.turn?.until ?? table.startsAt else { return false }
        return due.remaining(at: now) == .zero
    }

    private mutating func moveOrEnd() -> [Action] {
        if let outcome = me?.outcome { return [.show(view.verdict(table).map { [$0] } ?? []), .end(outcome)] }
        guard playsItself, isMyTurn, !isMoving, let me else { return [] }
        return move(Strategy.basic(me.hand, against: table.dealer.hand.cards.first))
    }

    private mutating func move(_ move: Move) -> [Action] {
        isMoving = true
        return [.move(move)]
    }

    private func concernsMe(_ event: TableEvent) -> Bool {
        switch event {
        case .dealt(let event): event.player == player
        case .stood(let event): event.player == player
        case .busted(let event): event.player == player
        default: false
        }
    }
}

/// A line that stays at the bottom: a text and what of it changes by the second.
struct Status: Equatable {
    var text: String
    var countdown: String

    init(_ text: String, _ countdown: String = "") {
        self.text = text
        self.countdown = countdown
    }
}
