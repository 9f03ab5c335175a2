public import BlackJackRules

/// What everyone can see of a table: its own answer to ``GetTable``, or its events applied one after the other.
public struct TableSnapshot: Codable, Sendable, Hashable {
    /// The table's id.
    public var table: String
    /// Where the game is.
    public var phase = Phase.waiting
    /// The players, seat 1 first.
    public var seats: [SeatView] = []
    /// The dealer.
    public var dealer = DealerView()
    /// When the game starts if no more players come; nil before the first player and from the start on.
    public var startsAt: Deadline?
    /// Whose turn it is; nil for nobody's.
    public var turn: PlayerTurn?

    /// An empty table.
    public init(table: String) {
        self.table = table
    }

    /// The player whose turn it is; nil when it is nobody's.
    public var playerOnTurn: SeatView? {
        turn.flatMap { turn in seats.first { $0.seat == turn.seat } }
    }

    /// Follows the table by one event.
    public mutating func apply(_ event: TableEvent) {
        switch event {
        case .joined(let event):
            seats.append(SeatView(player: event.player, seat: event.seat))
            startsAt = event.startsAt
        case .started:
            phase = .running
            startsAt = nil
            for index in seats.indices { seats[index].state = .playing }
        case .dealt(let event):
            turn = event.turn
            guard event.seat > 0 else {
                dealer.take(event.card)
                break
            }
            change(event.seat) { seat in
                guard let card = event.card else { return }
                seat.hand.add(card)
                seat.total = seat.hand.total
                if seat.hand.isBlackjack { seat.state = .blackjack }
            }
        case .stood(let event):
            turn = event.turn
            change(event.seat) { $0.state = .stood }
        case .busted(let event):
            turn = event.turn
            change(event.seat) { $0.state = .busted }
        case .dealerPlayed(let event):
            dealer = DealerView(hand: event.hand)
        case .settled(let event):
            phase = .settled
            for result in event.results {
                change(result.seat) { $0.outcome = result.outcome }
            }
        }
    }

    private mutating func change(_ seat: Int, _ body: (inout SeatView) -> Void) {
        guard let index = seats.firstIndex(where: { $0.seat == seat }) else { return }
        body(&seats[index])
    }
}

/// A player at a table.
public struct SeatView: Codable, Sendable, Hashable {
    /// Who.
    public var player: String
    /// Where, from 1.
    public var seat: Int
    /// Their cards.
    public var hand = Hand()
    /// What the cards count.
    public var total = 0
    /// How far they are.
    public var state = SeatState.waiting
    /// How the game ended for them; nil before that.
    public var outcome: Outcome?

    /// A player without cards.
    public init(player: String, seat: Int) {
        self.player = player
        self.seat = seat
    }

    /// A player in a round.
    public init(_ seat: Round.Seat, number: Int) {
        self.init(player: seat.player, seat: number)
        hand = seat.hand
        total = seat.hand.total
        state = seat.state
        outcome = seat.outcome
    }
}

/// What is seen of the dealer.
public struct DealerView: Codable, Sendable, Hashable {
    /// The open cards.
    public private(set) var hand: Hand
    /// What the open cards count.
    public private(set) var total: Int
    /// How many cards lie face down.
    public private(set) var hidden = 0

    /// A dealer with open cards; none by default.
    public init(hand: Hand = Hand()) {
        self.hand = hand
        total = hand.total
    }

    /// Takes a card; nil for one that lies face down.
    public mutating func take(_ card: Card?) {
        guard let card else {
            hidden += 1
            return
        }
        hand.add(card)
        total = hand.total
    }
}

extension TableSnapshot {
    /// What everyone can see of a round.
    ///
    /// - Parameter clock: When the game starts, or the turn ends, by itself.
    public init(table: String, round: Round, clock: Deadline?) {
        self.init(table: table)
        phase = round.phase
        seats = round.seats.enumerated().map { SeatView($1, number: $0 + 1) }
        if phase == .settled {
            dealer = DealerView(hand: round.dealer)
        } else {
            for (index, card) in round.dealer.cards.enumerated() { dealer.take(index == 0 ? card : nil) }
        }
        startsAt = phase == .waiting ? clock : nil
        if let seat = round.turn, let clock { turn = PlayerTurn(seat: seat, until: clock) }
    }
}
