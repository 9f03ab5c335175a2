import BlackJackRules
import Testing

@Suite struct RulesTests {
    static func hand(_ text: String) -> Hand { Hand(cards(text)) }
    static func cards(_ text: String) -> [Card] { text.split(separator: " ").compactMap { Card($0) } }

    @Test(arguments: [
        ("A♠ 6♥", 17, true), ("A♠ 6♥ 10♦", 17, false), ("A♠ A♥", 12, true), ("A♠ A♥ 9♣", 21, true), ("K♠ Q♥ A♣", 21, false),
        ("A♠ A♥ A♦ A♣ 7♠", 21, true), ("5♠ 5♥ 5♦", 15, false), ("", 0, false),
    ])
    func anAceCounts11UnlessThatBusts(text: String, total: Int, soft: Bool) {
        let hand = Self.hand(text)
        #expect(hand.total == total)
        #expect(hand.isSoft == soft)
        #expect(!hand.isBust)
    }

    @Test func over21IsBust() {
        #expect(Self.hand("K♠ Q♥ 2♦").isBust)
        #expect(Self.hand("K♠ Q♥ 2♦").total == 22)
    }

    @Test(arguments: [
        ("A♠ K♥", "7♠ 7♥ 7♦", Outcome.blackjack), ("A♠ K♥", "A♦ Q♥", .push), ("7♠ 7♥ 7♦", "A♦ Q♥", .lose),
        ("K♠ 9♥", "K♦ 8♥", .win), ("K♠ 8♥", "K♦ 8♦", .push), ("K♠ 7♥", "K♦ 8♦", .lose), ("K♠ 2♥", "K♦ 6♦ Q♥", .win),
        ("K♠ Q♠ 2♥", "K♦ 6♦ Q♥", .lose),
    ])
    func theHigherHandWinsAndABlackjackBeats21(player: String, dealer: String, outcome: Outcome) {
        #expect(Outcome(player: Self.hand(player), dealer: Self.hand(dealer)) == outcome)
    }

    @Test func aDeckHas52CardsInAnOrderThatDependsOnTheSeed() {
        func all(_ seed: UInt64) -> [Card] {
            var deck = Deck(seed: seed)
            return Array(unfolding: { deck.draw() })
        }
        #expect(Set(all(1)).count == 52)
        #expect(all(1) == all(1))
        #expect(all(1) != all(2))
    }

    @Test(arguments: [("K♣ 6♦", "K♣ 6♦ A♣"), ("A♣ 6♦", "A♣ 6♦"), ("5♣ 6♦", "5♣ 6♦ A♣ 3♣ 4♣")])
    func theDealerStandsOn17AlsoWhenSoft(dealt: String, played: String) throws {
        let dealer = Self.cards(dealt)
        let deck = Self.cards("10♠ \(dealer[0]) 10♥ \(dealer[1]) A♣ 3♣ 4♣")
        var round = Round()
        _ = try round.join("ann")
        _ = try round.start(Deck(deck))
        let steps = try round.stand("ann")
        #expect(steps == [.stood(seat: 1), .dealerPlayed(Self.hand(played)), .settled])
    }

    @Test func playersTakeTurnsAndWhoBustsIsPassed() throws {
        var round = Round()
        #expect(try round.join("ann") == 1)
        #expect(try round.join("bob") == 2)
        #expect(try round.join("ann") == 1)
        #expect(throws: RoundError.notRunning) { try round.hit("ann") }
        _ = try round.start(Deck(Self.cards("10♠ 9♠ 8♠ 10♥ 9♥ 8♥ 5♦ 2♦ K♦")))
        #expect(round.turn == 1)
        #expect(throws: RoundError.notYourTurn) { try round.hit("bob") }
        #expect(throws: RoundError.notSeated) { try round.stand("eve") }
        #expect(throws: RoundError.closed) { try round.join("cid") }
        #expect(try round.hit("ann") == [.dealt(seat: 1, Card(.five, .diamonds)), .busted(seat: 1)])
        #expect(round.turn == 2)
        #expect(try round.hit("bob") == [.dealt(seat: 2, Card(.two, .diamonds))])
        #expect(try round.stand("bob") == [.stood(seat: 2), .dealerPlayed(Self.hand("8♠ 8♥ K♦")), .settled])
        #expect(round.seats.map(\.outcome) == [.lose, .win])
        #expect(throws: RoundError.notRunning) { try round.stand("bob") }
    }

    @Test func with21APlayerStandsAndABlackjackHasNoTurn() throws {
        var round = Round()
        for player in ["ann", "bob"] { _ = try round.join(player) }
        let steps = try round.start(Deck(Self.cards("A♠ 5♠ 10♦ K♠ 6♠ 10♥ K♥")))
        #expect(steps.contains(.dealtDealer(nil)))
        #expect(!steps.contains(.dealtDealer(Card(.ten, .hearts))))
        #expect(round.turn == 2)
        #expect(
            try round.hit("bob") == [.dealt(seat: 2, Card(.king, .hearts)), .stood(seat: 2), .dealerPlayed(Self.hand("10♦ 10♥")), .settled])
        #expect(round.seats.map(\.outcome) == [.blackjack, .win])
    }

    @Test func aRoundWhereAllBustEndsWithoutTheDealerDrawing() throws {
        var round = Round()
        _ = try round.join("ann")
        _ = try round.start(Deck(Self.cards("10♠ 2♠ 10♥ 3♠ 10♦")))
        #expect(try round.hit("ann").suffix(2) == [.dealerPlayed(Self.hand("2♠ 3♠")), .settled])
    }

    @Test func everyRoundOfEverySeedEnds() throws {
        for seed in 0..<500 {
            var round = Round()
            for player in ["ann", "bob", "cid"].prefix(1 + seed % 3) { _ = try round.join(player) }
            _ = try round.start(Deck(seed: UInt64(seed)))
            var moves = 0
            while let turn = round.turn, moves < 60 {
                let seat = round.seats[turn - 1]
                switch Strategy.basic(seat.hand, against: round.dealer.cards.first) {
                case .hit: _ = try round.hit(seat.player)
                case .stand: _ = try round.stand(seat.player)
                }
                moves += 1
            }
            #expect(round.phase == .settled)
            #expect(round.seats.allSatisfy { $0.outcome != nil })
            #expect(round.dealer.total >= 17 || !round.seats.contains { $0.state == .stood })
        }
    }

    @Test(arguments: [
        ("10♠ 6♠", "7♦", Move.hit), ("10♠ 6♠", "6♦", .stand), ("10♠ 2♠", "4♦", .stand), ("10♠ 2♠", "2♦", .hit),
        ("A♠ 7♠", "8♦", .stand), ("A♠ 7♠", "A♦", .hit), ("A♠ 8♠", "10♦", .stand), ("6♠ 5♠", "6♦", .hit), ("10♠ 7♠", "A♦", .stand),
    ])
    func basicStrategyKnowsWhenToStand(hand: String, dealer: String, move: Move) {
        #expect(Strategy.basic(Self.hand(hand), against: Card(dealer)) == move)
    }

    @Test(arguments: ["ann", "Zoë", "李", "👩‍🚀", "a b", String(repeating: "x", count: 24)])
    func namesAreAnyVisibleText(name: String) {
        #expect(PlayerName.problem(with: name) == nil)
    }

    @Test(arguments: ["", " ", " ann", "ann ", "a\nb", "a\u{1B}[2J", "a\u{202E}b", String(repeating: "x", count: 25)])
    func namesAreNotEmptyTooLongOrInvisible(name: String) {
        #expect(PlayerName.problem(with: name) != nil)
    }

    @Test func cardsAreTheirTextInBothDirections() {
        for suit in Suit.allCases {
            for rank in Rank.allCases { #expect(Card(Card(rank, suit).description) == Card(rank, suit)) }
        }
        for text in ["", "♠", "1♠", "11♠", "A", "AA♠"] { #expect(Card(text) == nil) }
    }
}

extension Array {
    fileprivate init(unfolding next: () -> Element?) {
        self.init()
        while let element = next() { append(element) }
    }
}
