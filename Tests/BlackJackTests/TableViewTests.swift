import BlackJackContract
import BlackJackRules
import RivuletContract
import Testing

@Suite struct TableViewTests {
    static let now = Timestamp(nanoseconds: 0)

    static func table(_ events: [TableEvent]) -> TableSnapshot {
        var table = TableSnapshot(table: "7")
        for event in events { table.apply(event) }
        return table
    }

    static func dealt(_ seat: Int, _ player: String?, _ card: String?, turn: Int? = nil) -> TableEvent {
        let turn = turn.map { PlayerTurn(seat: $0, until: Deadline(.milliseconds(7200), after: now)) }
        return .dealt(CardDealt(seat: seat, player: player, card: card.flatMap { Card($0) }, turn: turn))
    }

    static let opening: [TableEvent] = [
        .joined(PlayerJoined(player: "ann", seat: 1, startsAt: Deadline(.seconds(10), after: now))),
        .joined(PlayerJoined(player: "bob", seat: 2, startsAt: Deadline(.seconds(10), after: now))),
        .started(GameStarted(players: ["ann", "bob"])),
        dealt(1, "ann", "A♠"), dealt(2, "bob", "9♣"), dealt(0, nil, "10♥"),
        dealt(1, "ann", "7♥"), dealt(2, "bob", "9♦"), dealt(0, nil, nil, turn: 1),
    ]

    @Test func aRunningTableShowsHandsTheHiddenCardAndWhoseTurnItIs() {
        #expect(
            TableView(player: "ann").lines(Self.table(Self.opening), now: Self.now) == [
                "── table 7 ───────────────────",
                "   dealer  10♥ ▒▒        10",
                " 1 ann     A♠ 7♥         18  ◀ your turn, 8 s",
                " 2 bob     9♣ 9♦         18",
            ])
        #expect(TableView().lines(Self.table(Self.opening))[2] == " 1 ann     A♠ 7♥         18  ◀ plays")
    }

    @Test func anEndedTableShowsResults() {
        let table = Self.table(
            Self.opening + [
                .stood(PlayerStood(player: "ann", seat: 1, total: 18, timedOut: false, turn: nil)),
                Self.dealt(2, "bob", "K♦"),
                .busted(PlayerBusted(player: "bob", seat: 2, total: 28, turn: nil)),
                .dealerPlayed(DealerPlayed(hand: RulesTests.hand("10♥ 7♣"))),
                .settled(
                    GameSettled(
                        dealer: 17,
                        results: [
                            .init(player: "ann", seat: 1, total: 18, outcome: .win),
                            .init(player: "bob", seat: 2, total: 28, outcome: .lose),
                        ])),
            ])
        #expect(
            TableView(player: "ann").lines(table).dropFirst() == [
                "   dealer  10♥ 7♣        17",
                " 1 ann     A♠ 7♥         18  wins",
                " 2 bob     9♣ 9♦ K♦      28  bust",
            ])
        #expect(TableView(player: "ann").verdict(table) == "You win with 18.")
        #expect(TableView(player: "bob").verdict(table) == "You bust.")
        #expect(TableView().verdict(table) == nil)
    }

    @Test func sentencesSpeakToThePlayer() {
        let table = Self.table(Self.opening + [Self.dealt(1, "ann", "2♦")])
        let hit = Self.dealt(1, "ann", "2♦")
        #expect(TableView(player: "ann").sentence(hit, at: table) == "you hit: 2♦, 20")
        #expect(TableView(player: "bob").sentence(hit, at: table) == "ann hits: 2♦, 20")
        #expect(TableView().sentence(Self.dealt(2, "bob", "9♦"), at: table).isEmpty)
        let stood = TableEvent.stood(PlayerStood(player: "bob", seat: 2, total: 18, timedOut: true, turn: nil))
        #expect(TableView(player: "ann").sentence(stood, at: table) == "bob stands on 18 (time is up)")
    }

    @Test func wideNamesKeepColumnsAlignedAndColoursAreOnlyThereWhenAskedFor() {
        let table = Self.table([.joined(PlayerJoined(player: "李", seat: 1, startsAt: Deadline(.zero, after: Self.now)))])
        #expect(TableView().lines(table)[2] == " 1 李                        waits")
        #expect(!TableView().lines(Self.table(Self.opening)).joined().contains("\u{1B}"))
        #expect(TableView(style: .coloured).lines(Self.table(Self.opening)).joined().contains("\u{1B}[31m10♥\u{1B}[0m"))
    }
}
