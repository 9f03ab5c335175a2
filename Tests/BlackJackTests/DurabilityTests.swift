import BlackJackContract
import BlackJackRules
import Foundation
import RivuletClient
import TestSupport
import Testing

/// BlackJackServer as a process, killed again and again under load.
@Suite struct DurabilityTests {
    static let players = 16
    static let kills = 20

    @Test(.timeLimit(.minutes(5)))
    func nothingAcknowledgedIsLostAndNothingHappensTwiceThoughTheServerIsKilledAgainAndAgain() async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("blackjack-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let store = folder.appendingPathComponent("game.sqlite").path
        let options = ["--start-after", "0.05", "--turn-seconds", "0.25"]
        var server = try await ServerProcess(store: store, options: options)
        let (url, port) = (server.url, server.port)

        let ledger = Ledger()
        let follower = Task { try await Self.follow(url, until: "the last player") }
        defer { follower.cancel() }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 1...Self.players {
                group.addTask {
                    try await Self.withClient(url) { client in
                        var player = DurabilityPlayer(
                            name: "player \(number)", client: client, ledger: ledger, random: SeededGenerator(seed: UInt64(number)))
                        try await player.run()
                    }
                }
            }
            var random = SeededGenerator(seed: 20)
            for _ in 1...Self.kills {
                try await ledger.wait(for: .random(in: 1...60, using: &random))
                try await Task.sleep(for: .microseconds(.random(in: 0...30_000, using: &random)))
                await server.end(with: SIGKILL)
                server = try await ServerProcess(store: store, port: port, options: options)
            }
            ledger.close()
            try await group.waitForAll()
        }

        try await Self.withClient(url) { client in
            var last = DurabilityPlayer(
                name: "the last player", client: client, ledger: ledger, random: SeededGenerator(seed: 0))
            try await last.playOnce()
            let events = try await Self.history(client)
            #expect(events.map(\.position.sequence) == Array(1...UInt64(max(1, events.count))))
            #expect(try await follower.value == events)
            let tables = try await Self.checkFold(events, client)
            Self.check(ledger.acknowledged, against: tables)
        }
        #expect(await server.end(with: SIGTERM) == 0)
    }

    /// Follows all tables over connections that end after a random number of events, each time resuming after the last one.
    private static func follow(_ url: String, until lastPlayer: String) async throws -> [EventEnvelope] {
        var random = SeededGenerator(seed: 21)
        var seen: [EventEnvelope] = []
        var isOver = false
        while !isOver {
            let limit = seen.count + Int.random(in: 1...200, using: &random)
            let start = seen.last.map { StartPosition.after($0.position) } ?? .beginning
            try await withClient(url) { client in
                for try await item in client.events(kind: "GameTable", from: start) {
                    switch item {
                    case .event(let event, let position):
                        #expect(position == event.position)
                        seen.append(event)
                        if event.name == GameSettled.name {
                            let settled = try JSONPayload.decode(GameSettled.self, from: event.payload)
                            isOver = settled.results.contains { $0.player == lastPlayer }
                        }
                    case .caughtUp: break
                    case .gap(let gap): Issue.record("events are missing: \(gap)")
                    }
                    if isOver || seen.count >= limit { return }
                }
            }
        }
        return seen
    }

    /// A client that tries again when its server dies while it begins; later it bridges that itself.
    private static func withClient(_ url: String, _ body: (RivuletClient) async throws -> Void) async throws {
        while true {
            do {
                return try await withRivuletClient(url) { try await body($0) }
            } catch let error where error is ClientError || (error as? EventStreamError)?.code == .unavailable {
                try await Task.sleep(for: .milliseconds(20))
            }
        }
    }

    private static func history(_ client: RivuletClient) async throws -> [EventEnvelope] {
        var events: [EventEnvelope] = []
        for try await item in client.events(kind: "GameTable", from: .beginning, follow: false) {
            if case .event(let event, _) = item { events.append(event) }
        }
        return events
    }

    /// Each table as its events tell it, compared with what it says itself.
    private static func checkFold(_ events: [EventEnvelope], _ client: RivuletClient) async throws -> [String: TableSnapshot] {
        var tables: [String: TableSnapshot] = [:]
        for event in events {
            let change = try #require(try TableEvent.members.decode(name: event.name, payload: event.payload))
            tables[event.object.id, default: TableSnapshot(table: event.object.id)].apply(change)
        }
        for (id, table) in tables {
            #expect(try await client.object("GameTable", id).ask(GetTable()) == table)
            #expect(table.phase == .settled)
        }
        return tables
    }

    private static func check(_ acknowledged: Ledger.Acknowledged, against tables: [String: TableSnapshot]) {
        func seat(_ table: String, _ player: String) -> SeatView? { tables[table]?.seats.first { $0.player == player } }
        for (player, given) in acknowledged.seats {
            #expect(seat(given.table, player)?.seat == given.seat)
        }
        // Every hit was repeated with its message id until it was answered: so there is one card for each answer, no more and no less.
        var hits: [String: Int] = [:]
        for (table, hand) in acknowledged.hits {
            hits["\(table)/\(hand.player)", default: 0] += 1
            let cards = seat(table, hand.player)?.hand.cards ?? []
            #expect(cards.starts(with: hand.hand.cards))
        }
        for (table, snapshot) in tables {
            for seat in snapshot.seats {
                #expect(seat.hand.cards.count == 2 + hits["\(table)/\(seat.player)", default: 0])
            }
        }
        for (table, hand) in acknowledged.stands {
            #expect(seat(table, hand.player)?.state == .stood)
            #expect(seat(table, hand.player)?.hand == hand.hand)
        }
    }
}
