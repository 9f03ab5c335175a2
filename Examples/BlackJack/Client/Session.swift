import BlackJackContract
import BlackJackRules
import RivuletClient

/// What reaches a player's session.
enum Input: Sendable {
    case seat(Seat)
    case event(TableEvent)
    case caughtUp
    case key(Key)
    /// The table or the casino did not do what was asked.
    case refused(String)
    /// The connection has something to say.
    case notice(String)
    case second
    case failed(any Error)
}

/// Games one after the other, for one player: inputs in, actions out.
struct Session {
    enum Action {
        case show([String])
        /// Ask the casino for a seat.
        case join
        /// Follow a table until its game is over.
        case follow(table: String)
        /// Ask a table for a move.
        case move(Move, table: String)
        /// Ask a table how it stands.
        case wake(table: String)
        case leave
        case fail(any Error)
    }

    private enum Stage {
        case joining
        case playing(Game)
        case asking
    }

    let player: String
    let playsItself: Bool
    /// How many games; nil for as many as the player wants.
    let games: Int?
    let style: TableView.Style
    private var stage = Stage.joining
    private var score = Score()

    init(player: String, playsItself: Bool, games: Int?, style: TableView.Style) {
        self.player = player
        self.playsItself = playsItself
        self.games = games
        self.style = style
    }

    mutating func handle(_ input: Input, now: Timestamp) -> [Action] {
        switch input {
        case .notice(let text): return [.show([text])]
        case .failed(let error): return [.fail(error)]
        case .key(.end), .key(.character("q")): return leave()
        default: break
        }
        switch stage {
        case .joining:
            guard case .seat(let seat) = input else { return [] }
            stage = .playing(Game(player: player, table: seat.table, style: style, playsItself: playsItself))
            return [.follow(table: seat.table)]
        case .asking:
            switch input {
            case .key(.enter), .key(.character("y")): return again()
            case .key(.character("n")): return leave()
            default: return []
            }
        case .playing(var game):
            let actions = play(&game, input, now)
            if case .playing = stage { stage = .playing(game) }
            return actions
        }
    }

    /// What the player waits for, or is asked.
    func status(now: Timestamp) -> Status {
        switch stage {
        case .joining: Status("looking for a seat")
        case .playing(let game): game.status(now: now)
        case .asking: Status("another game? [y]es or [n]o ")
        }
    }

    private mutating func play(_ game: inout Game, _ input: Input, _ now: Timestamp) -> [Action] {
        let table = game.table.table
        return game.handle(input, now: now).flatMap { action -> [Action] in
            switch action {
            case .show(let lines): [.show(lines)]
            case .move(let move): [.move(move, table: table)]
            case .wake: [.wake(table: table)]
            case .end(let outcome): ended(outcome)
            }
        }
    }

    private mutating func ended(_ outcome: Outcome) -> [Action] {
        score.count(outcome)
        if score.games == games { return leave() }
        if playsItself { return again() }
        stage = .asking
        return []
    }

    private mutating func again() -> [Action] {
        stage = .joining
        return [.join]
    }

    private func leave() -> [Action] {
        score.games == 0 ? [.leave] : [.show([score.description]), .leave]
    }
}

/// How a player's games ended.
struct Score: CustomStringConvertible {
    private(set) var games = 0
    private var won = 0
    private var pushed = 0

    mutating func count(_ outcome: Outcome) {
        games += 1
        switch outcome {
        case .win, .blackjack: won += 1
        case .push: pushed += 1
        case .lose: break
        }
    }

    var description: String {
        "\(games) \(games == 1 ? "game" : "games"): \(won) won, \(pushed) pushed, \(games - won - pushed) lost"
    }
}
