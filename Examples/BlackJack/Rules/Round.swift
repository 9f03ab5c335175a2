/// One game at one table: up to three players against the dealer.
///
/// A pure state machine: every change returns the steps it consisted of, in order. It holds everything that decides how the game goes
/// on, the order of the remaining cards included.
public struct Round: Hashable, Sendable, Codable {
    /// How many can play.
    public static let seats = 3

    /// A player's place.
    public struct Seat: Hashable, Sendable, Codable {
        /// Who sits there.
        public let player: String
        /// Their cards.
        public fileprivate(set) var hand = Hand()
        /// How far they are.
        public fileprivate(set) var state = SeatState.waiting
        /// How the game ended for them; nil before that.
        public fileprivate(set) var outcome: Outcome?
    }

    /// Something that happened. Seats are numbered from 1.
    public enum Step: Hashable, Sendable {
        /// A player got a card.
        case dealt(seat: Int, Card)
        /// The dealer got a card; nil for the hole card.
        case dealtDealer(Card?)
        /// A player takes no more cards, of their own will or because of 21.
        case stood(seat: Int)
        /// A player is over 21.
        case busted(seat: Int)
        /// The dealer showed the hole card and drew.
        case dealerPlayed(Hand)
        /// The game is over.
        case settled
    }

    /// Where the game is.
    public private(set) var phase = Phase.waiting
    /// The players; seat 1 is the first.
    public private(set) var seats: [Seat] = []
    /// The dealer's cards, of which the second is hidden until ``Phase/settled``.
    public private(set) var dealer = Hand()
    private var deck = Deck([])

    /// A game without players.
    public init() {}

    /// The seat whose turn it is, from 1; nil when it is nobody's.
    public var turn: Int? {
        guard phase == .running else { return nil }
        return seats.firstIndex { $0.state == .playing }.map { $0 + 1 }
    }

    /// The number of the player's seat, from 1; nil for who does not play.
    public func seat(of player: String) -> Int? {
        seats.firstIndex { $0.player == player }.map { $0 + 1 }
    }

    /// Gives a player the next seat, or the one they have.
    public mutating func join(_ player: String) throws(RoundError) -> Int {
        if let seat = seat(of: player) { return seat }
        guard phase == .waiting, seats.count < Self.seats else { throw .closed }
        seats.append(Seat(player: player))
        return seats.count
    }

    /// Deals two cards each; a table without players just stays as it is.
    public mutating func start(_ deck: Deck) throws(RoundError) -> [Step] {
        guard phase == .waiting else { throw .closed }
        guard !seats.isEmpty else { return [] }
        self.deck = deck
        phase = .running
        var steps: [Step] = []
        for round in 1...2 {
            for index in seats.indices { steps.append(.dealt(seat: index + 1, try deal(to: index))) }
            let card = try draw()
            dealer.add(card)
            steps.append(.dealtDealer(round == 1 ? card : nil))
        }
        for index in seats.indices { seats[index].state = seats[index].hand.isBlackjack ? .blackjack : .playing }
        return try steps + finishIfNobodyPlays()
    }

    /// Gives the player whose turn it is another card. With 21 they stand.
    public mutating func hit(_ player: String) throws(RoundError) -> [Step] {
        let index = try indexOnTurn(player)
        var steps = [Step.dealt(seat: index + 1, try deal(to: index))]
        if seats[index].hand.isBust {
            seats[index].state = .busted
            steps.append(.busted(seat: index + 1))
        } else if seats[index].hand.total == 21 {
            seats[index].state = .stood
            steps.append(.stood(seat: index + 1))
        }
        return try steps + finishIfNobodyPlays()
    }

    /// The player whose turn it is takes no more cards.
    public mutating func stand(_ player: String) throws(RoundError) -> [Step] {
        let index = try indexOnTurn(player)
        seats[index].state = .stood
        return try [.stood(seat: index + 1)] + finishIfNobodyPlays()
    }

    private func indexOnTurn(_ player: String) throws(RoundError) -> Int {
        guard let seat = seat(of: player) else { throw .notSeated }
        guard phase == .running else { throw .notRunning }
        guard turn == seat else { throw .notYourTurn }
        return seat - 1
    }

    private mutating func finishIfNobodyPlays() throws(RoundError) -> [Step] {
        guard phase == .running, turn == nil else { return [] }
        // The dealer only draws against someone who waits for it.
        if seats.contains(where: { $0.state == .stood }) {
            while dealer.total < 17 { dealer.add(try draw()) }
        }
        phase = .settled
        for index in seats.indices { seats[index].outcome = Outcome(player: seats[index].hand, dealer: dealer) }
        return [.dealerPlayed(dealer), .settled]
    }

    private mutating func deal(to index: Int) throws(RoundError) -> Card {
        let card = try draw()
        seats[index].hand.add(card)
        return card
    }

    private mutating func draw() throws(RoundError) -> Card {
        guard let card = deck.draw() else { throw .noCards }
        return card
    }
}

/// Where a game is.
public enum Phase: String, Sendable, Hashable, Codable {
    /// Players can still join.
    case waiting
    /// The players take their turns.
    case running
    /// It is over.
    case settled
}

/// How far a player is.
public enum SeatState: String, Sendable, Hashable, Codable {
    /// The game has not started.
    case waiting
    /// May still take cards.
    case playing
    /// Takes no more cards.
    case stood
    /// Over 21.
    case busted
    /// 21 with the first two cards; has nothing more to do.
    case blackjack
}

/// Why the rules do not allow it.
public enum RoundError: Error, Hashable, Sendable {
    /// The game has started, or all seats are taken.
    case closed
    /// The player has no seat.
    case notSeated
    /// The game has not started or is over.
    case notRunning
    /// It is another player's turn.
    case notYourTurn
    /// The deck is used up, which 52 cards for four hands never are.
    case noCards
}
