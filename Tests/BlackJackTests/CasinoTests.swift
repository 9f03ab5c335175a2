import BlackJackContract
import BlackJackObjects
import BlackJackRules
import Rivulet
import RivuletTesting
import Testing

@Suite(.timeLimit(.minutes(1))) struct CasinoTests {
    static let rules = Dependencies().with(TableRules(seed: 1))

    @Test func threeSeatsStartAtOnceAndTheFourthPlayerGetsAnotherTable() async throws {
        try await withNode(hosting: Casino.self, GameTable.self, dependencies: Self.rules) { node in
            let casino = node.object("Casino", "main")
            var seats: [Seat] = []
            for player in ["ann", "bob", "cid", "dan"] { seats.append(try await casino.ask(JoinGame(player: player))) }
            #expect(seats.map(\.table) == ["1", "1", "1", "2"])
            #expect(seats.map(\.seat) == [1, 2, 3, 1])
            #expect(try await node.object("GameTable", "1").ask(GetTable()).phase == .running)
            #expect(try await node.object("GameTable", "2").ask(GetTable()).phase == .waiting)
        }
    }

    @Test func oneWhoAsksAgainKeepsTheSeatUntilTheGameIsSettled() async throws {
        try await withNode(hosting: Casino.self, GameTable.self, dependencies: Self.rules) { node in
            let casino = node.object("Casino", "main")
            let seat = try await casino.ask(JoinGame(player: "ann"))
            #expect(try await casino.ask(JoinGame(player: "ann")) == seat)
            try await node.clock.advance(by: .seconds(10))
            #expect(try await casino.ask(JoinGame(player: "ann")) == seat)
            try await playToTheEnd(node.object("GameTable", seat.table), by: node.clock)
            let next = try await casino.ask(JoinGame(player: "ann"))
            #expect(next.table != seat.table)
            #expect(next.seat == 1)
        }
    }

    @Test func aStartedTableIsClosedToOthers() async throws {
        try await withNode(hosting: Casino.self, GameTable.self, dependencies: Self.rules) { node in
            let casino = node.object("Casino", "main")
            #expect(try await casino.ask(JoinGame(player: "ann")) == Seat(table: "1", seat: 1))
            try await node.clock.advance(by: .seconds(10))
            #expect(try await casino.ask(JoinGame(player: "bob")) == Seat(table: "2", seat: 1))
        }
    }

    @Test(arguments: ["", " ", "a\u{1B}[2J", String(repeating: "x", count: 100)])
    func aNameThatIsNoneIsRefused(name: String) async throws {
        try await withNode(hosting: Casino.self, GameTable.self) { node in
            let casino = node.object("Casino", "main")
            await #expect(throws: InvalidPlayerName.self) { try await casino.ask(JoinGame(player: name)) }
        }
    }

    @Test func sixteenPlayersAtOnceGetSixteenDifferentSeats() async throws {
        try await withNode(hosting: Casino.self, GameTable.self, dependencies: Self.rules) { node in
            let seats = try await withThrowingTaskGroup(of: Seat.self) { group in
                for number in 1...16 {
                    group.addTask { try await node.object("Casino", "main").ask(JoinGame(player: "player \(number)")) }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(Set(seats).count == 16)
            #expect(Set(seats.map(\.table)) == ["1", "2", "3", "4", "5", "6"])
        }
    }
}

/// Lets everyone stand by time-out until the game is settled.
func playToTheEnd(_ table: some CallableObject, by clock: TestClock) async throws {
    for _ in 1...Round.seats where try await table.ask(GetTable()).phase != .settled {
        try await clock.advance(by: .seconds(10))
    }
    #expect(try await table.ask(GetTable()).phase == .settled)
}
