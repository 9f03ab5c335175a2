import ArgumentParser

struct Bench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measure a NATS server, any one.",
        discussion: """
            The load comes from plain sockets on threads of their own, with frames made beforehand. Run it on the server's machine or \
            another; on the same one the two share the cores.
            """,
        subcommands: [
            BenchPub.self, BenchFanOut.self, BenchRoundTrip.self, BenchRequest.self, BenchAsk.self, BenchEvents.self,
            BenchIdle.self, BenchRelay.self,
        ])
}

/// What every measurement takes.
struct BenchOptions: ParsableArguments {
    @OptionGroup var server: ServerOption

    @Option(help: ArgumentHelp("Payload of a message.", valueName: "bytes"))
    var size: Int = 16

    @Option(help: ArgumentHelp("The subject; with several subjects, its start.", valueName: "subject"))
    var subject: String = "bench"

    @Flag(help: "Print the result as one line of JSON.")
    var json = false

    func validate() throws {
        guard (0...64 << 20).contains(size) else { throw ValidationError("--size must be from 0 to 67108864") }
    }

    func place() throws -> BenchServer { try BenchServer(parsing: server.url) }
}

/// Where the receiving side is.
struct BenchReceivers: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Another node of the server's cluster, where those who receive are connected; the same if not given.", valueName: "url"))
    var receiversServer: String?

    func place(_ server: BenchServer) throws -> BenchServer { try receiversServer.map { try BenchServer(parsing: $0) } ?? server }
}

/// How long a measurement goes on.
struct BenchLength: ParsableArguments {
    @Option(help: ArgumentHelp("How long to send.", valueName: "seconds"))
    var duration: Double = 3

    @Option(help: ArgumentHelp("How many messages to send instead, each publisher.", valueName: "count"))
    var messages: Int?

    func validate() throws {
        guard duration > 0, duration <= 3600 else { throw ValidationError("--duration must be more than 0 and at most 3600 seconds") }
        guard messages ?? 1 > 0 else { throw ValidationError("--messages must be at least 1") }
    }
}
