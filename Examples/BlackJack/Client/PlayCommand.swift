import ArgumentParser
import BlackJackContract
import BlackJackRules
import Foundation
import RivuletClient

/// Plays games until the player has had enough.
struct PlayCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "play", abstract: "Play, by hand or with --bot.")

    @Option(name: .shortAndLong, help: "Your name at the table. (default: your login name)")
    var name: String?

    @Flag(help: "Play by itself, by the basic strategy.")
    var bot = false

    @Option(help: "Stop after so many games. (default: with --bot 1, else until you leave)")
    var games: Int?

    @OptionGroup var server: ServerOption

    func validate() throws {
        if let games, games < 1 { throw ValidationError("--games is at least 1") }
        if let problem = PlayerName.problem(with: player) { throw ValidationError(problem) }
    }

    private var player: String {
        name ?? (bot ? "bot-\(ProcessInfo.processInfo.processIdentifier)" : ProcessInfo.processInfo.environment["USER"] ?? "player")
    }

    func run() async throws {
        try await withRivuletClient(server.server, configuration: server.client) { client in
            let inputs = BoundedChannel<Input>(capacity: 4096, whenFull: .fail)
            if !bot || Keyboard.isTerminal { Keyboard.read { inputs.send(.key($0)) } }
            let errands = Errands(player: player, client: client, inputs: inputs)
            try await withThrowingDiscardingTaskGroup { group in
                defer { group.cancelAll() }
                group.addTask { try? await errands.tick() }
                group.addTask { await errands.watchConnection() }
                group.addTask { await errands.join() }
                try await play(inputs) { action in
                    switch action {
                    case .join: group.addTask { await errands.join() }
                    case .follow(let table): group.addTask { await errands.follow(table) }
                    case .move(let move, let table): group.addTask { await errands.move(move, at: table) }
                    case .wake(let table): group.addTask { await errands.wake(table) }
                    default: break
                    }
                }
            }
        }
    }

    /// Takes the inputs one by one until the player leaves.
    private func play(_ inputs: BoundedChannel<Input>, start: (Session.Action) -> Void) async throws {
        let terminal = Terminal()
        let time = SystemTime()
        var session = Session(player: player, playsItself: bot, games: games ?? (bot ? 1 : nil), style: terminal.style)
        terminal.show(session.status(now: time.wallTime))
        for try await input in inputs {
            for action in session.handle(input, now: time.wallTime) {
                switch action {
                case .show(let lines): terminal.show(lines)
                case .leave: return terminal.show(Status(""))
                case .fail(let error): throw error
                default: start(action)
                }
            }
            terminal.show(session.status(now: time.wallTime))
        }
    }
}
