import BlackJackContract
import BlackJackRules
import Foundation
import RivuletClient

/// Does what a session wants done, and tells it how that went.
struct Errands: Sendable {
    let player: String
    let client: RivuletClient
    let inputs: BoundedChannel<Input>

    /// Lets the session look at the clock.
    func tick() async throws {
        while true {
            try await Task.sleep(for: .seconds(1))
            inputs.send(.second)
        }
    }

    /// Passes on what happens to the connection.
    func watchConnection() async {
        await client.tellStatus { inputs.send(.notice($0)) }
    }

    /// Gets a seat.
    func join() async {
        await persistently {
            .seat(try await client.object("Casino", "main").ask(JoinGame(player: player), messageID: $0))
        } onRefusal: {
            .failed($0)
        }
    }

    /// Hits or stands. What came of it is told by the table's events.
    func move(_ move: Move, at table: String) async {
        let table = client.object("GameTable", table)
        await persistently { id in
            switch move {
            case .hit: _ = try await table.ask(Hit(player: player), messageID: id)
            case .stand: _ = try await table.ask(Stand(player: player), messageID: id)
            }
            return nil
        } onRefusal: {
            .refused(($0 as? any ServiceError)?.message ?? "\($0)")
        }
    }

    /// Asks a table how it stands, for the sake of asking.
    func wake(_ table: String) async {
        _ = try? await client.object("GameTable", table).ask(GetTable())
    }

    /// Passes on what happens at a table, from its first event until its game is over.
    func follow(_ table: String) async {
        var start = StartPosition.beginning
        while !Task.isCancelled {
            do {
                for try await item in client.object("GameTable", table).events(of: TableEvent.self, from: start) {
                    switch item {
                    case .event(let event, let position):
                        start = .after(position)
                        inputs.send(.event(event))
                        if case .settled = event { return }
                    case .caughtUp: inputs.send(.caughtUp)
                    case .gap: throw MissingEvents(table: table)
                    }
                }
            } catch let error as EventStreamError where error.code == .unavailable {
                // A stream bridges lost connections itself once it has begun.
                try? await Task.sleep(for: .seconds(1))
            } catch {
                inputs.send(.failed(error))
                return
            }
        }
    }

    /// Asks until there is an answer, however often the connection is lost: with one message id it is done once.
    private func persistently(
        _ ask: (_ messageID: String) async throws -> Input?, onRefusal: (any Error) -> Input
    ) async {
        let messageID = UUID().uuidString
        var isFirst = true
        while !Task.isCancelled {
            do {
                if let answer = try await ask(messageID) { inputs.send(answer) }
                return
            } catch let error as CallError where [.unavailable, .deadline, .overloaded].contains(error.code) {
                if isFirst { inputs.send(.notice("\(error.message); trying again")) }
                isFirst = false
                try? await Task.sleep(for: .seconds(1))
            } catch is CancellationError {
                return
            } catch {
                inputs.send(onRefusal(error))
                return
            }
        }
    }
}

/// The node does not have all of the table's events any more.
struct MissingEvents: Error, CustomStringConvertible {
    let table: String
    var description: String { "some of what happened at table \(table) is not kept any more" }
}
