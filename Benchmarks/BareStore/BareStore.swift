import ArgumentParser
import RivuletBackbone

/// What stores reach without objects, broker and wire: the other side of the durable comparisons.
@main struct BareStore: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Commit turns to a store in a bare loop, one batch after the other.",
        subcommands: [CommitLoop.self, SQLLoop.self, Fill.self])
}

/// What is committed, and for how long.
struct LoopOptions: ParsableArguments {
    @OptionGroup var store: StoreOptions

    @Option(help: "Turns in a transaction.")
    var batch = 256

    @Option(help: "Objects that have a turn in turn.")
    var objects = 1000

    @Flag(help: "Turns publish an event and change no state.")
    var eventsOnly = false

    @Option(help: "Seconds.")
    var duration = 3.0

    func validate() throws {
        guard batch > 0, objects > 0, duration > 0 else { throw ValidationError("--batch, --objects and --duration must be positive") }
    }

    /// Commits batches until the time is over, and prints how many turns that were.
    func measure(_ commit: () async throws -> Void) async throws {
        try await commit()
        let clock = ContinuousClock()
        let start = clock.now
        var turns = 0
        while clock.now - start < .seconds(duration) {
            try await commit()
            turns += batch
        }
        let seconds = (clock.now - start) / .seconds(1)
        print("{\"turns\":\(turns),\"seconds\":\(seconds),\"turnsPerSecond\":\(Double(turns) / seconds)}")
    }
}

struct CommitLoop: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "commit", abstract: "Through the store's own commit.")

    @OptionGroup var options: LoopOptions

    func run() async throws {
        try await options.store.withStore { store in
            var turns = TurnSource(objects: options.objects, eventsOnly: options.eventsOnly)
            try await options.measure { try turns.committed(try await store.commit(turns.next(options.batch))) }
        }
    }
}

struct SQLLoop: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sql", abstract: "By the SQL that the store runs, prepared once, through the database's C library.")

    @OptionGroup var options: LoopOptions

    func run() async throws {
        // Makes the tables and the stream.
        try await options.store.withStore { _ in }
        switch options.store.place {
        case .sqlite(let path):
            let loop = try SQLiteLoop(path: path, objects: options.objects, eventsOnly: options.eventsOnly)
            try await options.measure { try loop.commit(options.batch) }
        case .postgres(let url):
            let loop = try PostgresLoop(url: url, objects: options.objects, eventsOnly: options.eventsOnly)
            try await options.measure { try loop.commit(options.batch) }
        }
    }
}

struct Fill: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Make objects with a state, in an order that has nothing to do with their ids.")

    @OptionGroup var store: StoreOptions

    @Option(help: "How many.")
    var objects = 1_000_000

    func run() async throws {
        try await store.withStore { store in
            var turns = TurnSource(objects: objects, eventsOnly: false)
            turns.scatter()
            for start in stride(from: 0, to: objects, by: 4096) {
                try turns.committed(try await store.commit(turns.next(min(4096, objects - start))))
            }
        }
        print(String(decoding: TurnSource.state, as: UTF8.self).utf8.count)
    }
}
