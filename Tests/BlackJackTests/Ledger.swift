import BlackJackContract
import BlackJackRules
import Foundation
import RivuletClient
import Synchronization
import TestSupport

/// What was acknowledged to the players of a durability test, and by which moment they are to stop.
final class Ledger: Sendable {
    struct Acknowledged: Sendable {
        var seats: [(player: String, seat: Seat)] = []
        var hits: [(table: String, hand: SeatView)] = []
        var stands: [(table: String, hand: SeatView)] = []
        var count: Int { seats.count + hits.count + stands.count }
    }

    private let state = Mutex((acknowledged: Acknowledged(), isClosed: false))

    var acknowledged: Acknowledged { state.withLock { $0.acknowledged } }
    var isClosed: Bool { state.withLock { $0.isClosed } }

    /// No new games from now on.
    func close() { state.withLock { $0.isClosed = true } }

    func record(_ change: (inout Acknowledged) -> Void) {
        state.withLock { change(&$0.acknowledged) }
    }

    /// Waits for more acknowledged calls.
    func wait(for more: Int) async throws {
        let target = acknowledged.count + more
        try await until { acknowledged.count >= target }
    }
}

/// Plays at random, whatever happens to the server, until the ledger is closed.
struct DurabilityPlayer {
    let name: String
    let client: RivuletClient
    let ledger: Ledger
    var random: SeededGenerator

    mutating func run() async throws {
        while !ledger.isClosed { try await playOnce() }
    }

    /// One game, to its end.
    mutating func playOnce() async throws {
        let player = name
        let casino = client.object("Casino", "main")
        let seat = try await persistently { try await casino.ask(JoinGame(player: player), timeout: .seconds(2), messageID: $0) }
        ledger.record { $0.seats.append((player, seat)) }
        let table = client.object("GameTable", seat.table)
        while true {
            let snapshot = try await persistently { _ in try await table.ask(GetTable(), timeout: .seconds(2)) }
            if snapshot.phase == .settled { return }
            guard snapshot.playerOnTurn?.player == player else {
                try await Task.sleep(for: .milliseconds(25))
                continue
            }
            do {
                if Int.random(in: 0..<3, using: &random) > 0 {
                    let hand = try await persistently { try await table.ask(Hit(player: player), timeout: .seconds(2), messageID: $0) }
                    ledger.record { $0.hits.append((seat.table, hand)) }
                } else {
                    let hand = try await persistently { try await table.ask(Stand(player: player), timeout: .seconds(2), messageID: $0) }
                    ledger.record { $0.stands.append((seat.table, hand)) }
                }
            } catch is any ServiceError {
                // Too late: the time was up.
            }
        }
    }

    /// Repeats a call with one message id until it is answered.
    private func persistently<Reply>(_ call: (_ messageID: String) async throws -> Reply) async throws -> Reply {
        let messageID = UUID().uuidString
        while true {
            do {
                return try await call(messageID)
            } catch let error as CallError where [.unavailable, .deadline, .overloaded].contains(error.code) {
                try await Task.sleep(for: .milliseconds(20))
            }
        }
    }
}
