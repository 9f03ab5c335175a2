import ArgumentParser

struct BenchEvents: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "events", abstract: "Make an object publish events, and count what its followers get.",
        discussion: """
            Each call is to make the object publish as many events as --per-call says, of --size bytes each. The next call waits while the \
            slowest follower is far behind.
            """)

    @Option(help: ArgumentHelp("What is called.", valueName: "subject"))
    var call: String = "obj.Ticker.0.Burst"

    @Option(help: ArgumentHelp("The body of a call; the defaults of the other options fit that of this one.", valueName: "text"))
    var payload: String?

    @Option(help: ArgumentHelp("Events that a call leads to.", valueName: "count"))
    var perCall: Int = 1000

    @Option(help: ArgumentHelp("The subject of the events.", valueName: "subject"))
    var event: String = "evt.Ticker.0.Tick"

    @Option(help: "Connections that follow.")
    var subscribers: Int = 1

    @Option(help: ArgumentHelp("How long to go on.", valueName: "seconds"))
    var duration: Double = 3

    @OptionGroup var options: BenchOptions

    func validate() throws {
        guard subscribers > 0, perCall > 0 else { throw ValidationError("--subscribers and --per-call must be at least 1") }
        guard duration > 0, duration <= 3600 else { throw ValidationError("--duration must be more than 0 and at most 3600 seconds") }
    }

    func run() async throws {
        let body = payload ?? "{\"count\":\(perCall),\"size\":\(options.size)}"
        let load = try PublishLoad(call: call, body: body, perCall: perCall, event: event, size: options.size)
        let traffic = BenchTraffic(
            server: try options.place(), load: load, publishers: 1, subscribers: subscribers, duration: duration, messages: nil)
        try await traffic.run(mode: "events").report(json: options.json)
    }
}
