import BlackJackContract
import BlackJackObjects
import BlackJackRules
import Rivulet
import RivuletBackbone
import RivuletTesting
import Testing

@Suite(.timeLimit(.minutes(1))) struct GameTableTests {
    /// A node at which players have sat down at table 1; two wait, three play.
    static func withTable(
        _ players: [String] = ["ann", "bob", "cid"], seed: UInt64 = 1, rules: TableRules? = nil,
        _ body: @Sendable (TestNode, RemoteObject) async throws -> Void
    ) async throws {
        let dependencies = Dependencies().with(rules ?? TableRules(seed: seed))
        try await withNode(hosting: Casino.self, GameTable.self, dependencies: dependencies) { node in
            for player in players { _ = try await node.object("Casino", "main").ask(JoinGame(player: player)) }
            try await body(node, node.object("GameTable", "1"))
        }
    }

    static func events(_ node: TestNode) throws -> [TableEvent] {
        try node.events(of: GameTable.self, "1").map { event in
            try #require(try TableEvent.members.decode(name: event.name, payload: event.payload))
        }
    }

    static func fold(_ events: [TableEvent]) -> TableSnapshot {
        events.reduce(into: TableSnapshot(table: "1")) { $0.apply($1) }
    }

    @Test func aTableStartsWhenTheFirstPlayersWaitIsOver() async throws {
        try await Self.withTable(["ann", "bob"]) { node, table in
            try await node.clock.advance(by: .milliseconds(9_999))
            #expect(try await table.ask(GetTable()).phase == .waiting)
            try await node.clock.advance(by: .milliseconds(1))
            let snapshot = try await table.ask(GetTable())
            #expect(snapshot.phase == .running)
            #expect(snapshot.turn?.seat == 1)
            #expect(
                node.events(of: GameTable.self, "1").map(\.name) == ["PlayerJoined", "PlayerJoined", "GameStarted"]
                    + Array(repeating: "CardDealt", count: 6))
        }
    }

    @Test func timesAreTheNodesToChoose() async throws {
        let rules = TableRules(startAfter: .seconds(3), turnTime: .seconds(2), seed: 1)
        try await Self.withTable(["ann"], rules: rules) { node, table in
            try await node.clock.advance(by: .seconds(3))
            #expect(try await table.ask(GetTable()).phase == .running)
            try await node.clock.advance(by: .seconds(2))
            #expect(try await table.ask(GetTable()).phase == .settled)
        }
    }

    @Test func aTableWhoseClockRanOutWhileItWasNotActiveGoesOnWhenItIsAskedAgain() async throws {
        let store = InMemoryBackbone(time: ManualTime())
        func atNode(_ body: (TestNode) async throws -> Void) async throws {
            try await withNode(hosting: Casino.self, GameTable.self, dependencies: CasinoTests.rules, store: store, body)
        }
        try await atNode { node in
            for player in ["ann", "bob"] { _ = try await node.object("Casino", "main").ask(JoinGame(player: player)) }
        }
        try await atNode { node in
            let table = node.object("GameTable", "1")
            #expect(try await table.ask(GetTable()).phase == .waiting)
            try await node.clock.advance(by: .seconds(10))
            #expect(try await table.ask(GetTable()).turn?.seat == 1)
        }
        try await atNode { node in
            let table = node.object("GameTable", "1")
            #expect(try await table.ask(GetTable()).turn?.seat == 1)
            try await playToTheEnd(table, by: node.clock)
            #expect(try await node.object("Casino", "main").ask(JoinGame(player: "ann")).table == "2")
        }
    }

    @Test func theHoleCardIsHiddenUntilTheDealerPlays() async throws {
        try await Self.withTable { node, table in
            let running = try await table.ask(GetTable())
            #expect(running.dealer.hand.cards.count == 1)
            #expect(running.dealer.hidden == 1)
            #expect(running.dealer.total == running.dealer.hand.total)
            try await playToTheEnd(table, by: node.clock)
            let settled = try await table.ask(GetTable())
            #expect(settled.dealer.hidden == 0)
            let hole = try #require(settled.dealer.hand.cards.dropFirst().first)
            for event in try Self.events(node) {
                if case .dealt(let dealt) = event { #expect(dealt.card != hole) }
            }
        }
    }

    @Test func onlyThePlayerWhoseTurnItIsCanMove() async throws {
        try await Self.withTable(["ann"]) { node, table in
            await #expect(throws: GameNotRunning(phase: .waiting)) { try await table.ask(Hit(player: "ann")) }
            await #expect(throws: NotSeated(player: "eve")) { try await table.ask(Stand(player: "eve")) }
        }
        try await Self.withTable { node, table in
            await #expect(throws: NotYourTurn(player: "bob", turn: "ann")) { try await table.ask(Hit(player: "bob")) }
            await #expect(throws: NotSeated(player: "eve")) { try await table.ask(Hit(player: "eve")) }
            let before = try Self.events(node).count
            #expect(try await table.ask(Stand(player: "ann")).state == .stood)
            await #expect(throws: NotYourTurn(player: "ann", turn: "bob")) { try await table.ask(Hit(player: "ann")) }
            #expect(try Self.events(node).count == before + 1)
            try await playToTheEnd(table, by: node.clock)
            await #expect(throws: GameNotRunning(phase: .settled)) { try await table.ask(Stand(player: "ann")) }
        }
    }

    @Test func aHitReturnsTheHandWithTheNewCard() async throws {
        try await Self.withTable { _, table in
            let before = try #require(try await table.ask(GetTable()).seats.first)
            let after = try await table.ask(Hit(player: "ann"))
            #expect(after.hand.cards.dropLast() == before.hand.cards[...])
            #expect(after.total == after.hand.total)
            #expect(try await table.ask(GetTable()).seats.first == after)
        }
    }

    @Test func aPlayerWhoDoesNothingStandsAndAMoveStartsTheTimeAnew() async throws {
        try await Self.withTable { node, table in
            try await node.clock.advance(by: .seconds(9))
            let hand = try await table.ask(Hit(player: "ann"))
            try #require(hand.state == .playing)
            try await node.clock.advance(by: .seconds(9))
            #expect(try await table.ask(GetTable()).turn?.seat == 1)
            try await node.clock.advance(by: .seconds(1))
            #expect(try await table.ask(GetTable()).turn?.seat == 2)
            guard case .stood(let stood)? = try Self.events(node).last else {
                Issue.record("the last event is not PlayerStood")
                return
            }
            #expect(stood.player == "ann")
            #expect(stood.timedOut)
        }
    }

    @Test(arguments: 1...20) func foldingTheEventsGivesTheStateAfterEveryMove(seed: UInt64) async throws {
        try await Self.withTable(Array(["ann", "bob", "cid"].prefix(1 + Int(seed % 3))), seed: seed) { node, table in
            #expect(try await table.ask(GetTable()) == Self.fold(try Self.events(node)))
            try await node.clock.advance(by: .seconds(10))
            var snapshot = try await table.ask(GetTable())
            while let seat = snapshot.playerOnTurn {
                switch Strategy.basic(seat.hand, against: snapshot.dealer.hand.cards.first) {
                case .hit: _ = try await table.ask(Hit(player: seat.player))
                case .stand: _ = try await table.ask(Stand(player: seat.player))
                }
                snapshot = try await table.ask(GetTable())
                #expect(snapshot == Self.fold(try Self.events(node)))
            }
            #expect(snapshot.phase == .settled)
            #expect(snapshot.seats.allSatisfy { $0.outcome == Outcome(player: $0.hand, dealer: snapshot.dealer.hand) })
        }
    }
}
