import ArgumentParser
import BlackJackContract
import BlackJackRules
import RivuletClient

/// Tells what happens at one table or at all.
struct WatchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch", abstract: "Watch a table until its game is over, or all tables until interrupted.")

    @Argument(help: "The table's number. (default: all tables, from now on)")
    var table: String?

    @OptionGroup var server: ServerOption

    func run() async throws {
        let terminal = Terminal()
        try await withRivuletClient(server.server, configuration: server.client) { client in
            try await withThrowingTaskGroup(of: Void.self) { group in
                defer { group.cancelAll() }
                group.addTask { await client.tellStatus { terminal.show([$0]) } }
                let watcher = Watcher(client: client, terminal: terminal)
                if let table { try await watcher.watch(table) } else { try await watcher.watchAll() }
            }
        }
    }
}

private struct Watcher {
    let client: RivuletClient
    let terminal: Terminal
    let view: TableView

    init(client: RivuletClient, terminal: Terminal) {
        self.client = client
        self.terminal = terminal
        view = TableView(style: terminal.style)
    }

    func watch(_ id: String) async throws {
        var table = TableSnapshot(table: id)
        var isLive = false
        for try await item in client.object("GameTable", id).events(of: TableEvent.self, from: .beginning) {
            switch item {
            case .event(let event, _):
                table.apply(event)
                if isLive { tell(event, table, prefix: "") }
            case .caughtUp:
                guard !isLive else { break }
                isLive = true
                terminal.show(table.seats.isEmpty ? ["nobody plays at table \(id) yet"] : view.lines(table, now: now))
            case .gap: throw MissingEvents(table: id)
            }
            if isLive, table.phase == .settled { return }
        }
    }

    func watchAll() async throws {
        var tables: [String: TableSnapshot] = [:]
        terminal.show(["watching all tables"])
        for try await item in client.events(kind: "GameTable", from: .now) {
            switch item {
            case .event(let envelope, _):
                guard let event = try TableEvent.members.decode(name: envelope.name, payload: envelope.payload) else { break }
                let id = envelope.object.id
                var table: TableSnapshot
                if let known = tables.removeValue(forKey: id) {
                    table = known
                } else {
                    table = try await history(of: id, before: envelope.position.sequence)
                }
                table.apply(event)
                tell(event, table, prefix: "table \(id): ")
                if table.phase != .settled { tables[id] = table }
            case .caughtUp: break
            case .gap:
                terminal.show(["some of what happened is not kept any more"])
                tables = [:]
            }
        }
    }

    /// How a table stood before an event.
    private func history(of id: String, before sequence: UInt64) async throws -> TableSnapshot {
        var table = TableSnapshot(table: id)
        for try await item in client.object("GameTable", id).events(of: TableEvent.self, from: .beginning, follow: false) {
            guard case .event(let event, let position) = item else { continue }
            if position.sequence >= sequence { break }
            table.apply(event)
        }
        return table
    }

    private func tell(_ event: TableEvent, _ table: TableSnapshot, prefix: String) {
        let sentence = view.sentence(event, at: table)
        if !sentence.isEmpty { terminal.show([prefix + sentence]) }
        switch event {
        case .settled: terminal.show(view.lines(table))
        case .dealt(let event) where event.seat == 0 && event.card == nil && table.turn != nil:
            terminal.show(view.lines(table, now: now))
        default: break
        }
    }

    private var now: Timestamp { SystemTime().wallTime }
}
