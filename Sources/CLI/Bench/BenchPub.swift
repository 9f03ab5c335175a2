import ArgumentParser

struct BenchPub: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "pub", abstract: "Publish to nobody, as fast as the server takes it.")

    @Option(help: "Connections that publish.")
    var publishers: Int = 1

    @Option(help: "Subjects to publish to, in turn.")
    var subjects: Int = 1

    @OptionGroup var length: BenchLength
    @OptionGroup var options: BenchOptions

    func run() async throws {
        let traffic = BenchTraffic(
            server: try options.place(), load: try PublishLoad(subject: options.subject, subjects: subjects, size: options.size),
            publishers: publishers, subscribers: 0, duration: length.duration, messages: length.messages)
        try await traffic.run(mode: "pub").report(json: options.json)
    }

    func validate() throws {
        guard publishers > 0, subjects > 0 else { throw ValidationError("--publishers and --subjects must be at least 1") }
    }
}

struct BenchFanOut: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fan-out", abstract: "Publish to subscribers that each get every message.",
        discussion: "Publishers wait for the slowest subscriber when it is far behind, so nobody is cut as a slow consumer.")

    @Option(help: "Connections that publish.")
    var publishers: Int = 1

    @Option(help: "Connections that subscribe.")
    var subscribers: Int = 1

    @Option(help: "Subjects to publish to, in turn; with more than one, the subscriptions have a wildcard.")
    var subjects: Int = 1

    @OptionGroup var receivers: BenchReceivers
    @OptionGroup var length: BenchLength
    @OptionGroup var options: BenchOptions

    func run() async throws {
        let server = try options.place()
        let traffic = BenchTraffic(
            server: server, receivers: try receivers.place(server),
            load: try PublishLoad(subject: options.subject, subjects: subjects, size: options.size),
            publishers: publishers, subscribers: subscribers, duration: length.duration, messages: length.messages)
        try await traffic.run(mode: "fan-out").report(json: options.json)
    }

    func validate() throws {
        guard publishers > 0, subjects > 0, subscribers > 0 else {
            throw ValidationError("--publishers, --subscribers and --subjects must be at least 1")
        }
    }
}
