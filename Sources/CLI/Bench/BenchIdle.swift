import ArgumentParser
import Foundation

struct BenchIdle: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "idle", abstract: "Open connections that do nothing, say so, and keep them until the standard input ends.")

    @Option(help: "How many connections.")
    var connections: Int = 5000

    @Option(help: "Subscriptions of each.")
    var subscriptions: Int = 10

    @OptionGroup var options: BenchOptions

    func run() async throws {
        let server = try options.place()
        let (connections, subscriptions, subject) = (connections, subscriptions, options.subject)
        try await BenchThreads.onThread {
            BenchSocket.raiseDescriptorLimit()
            var scratch = BenchConnection.scratch()
            var open: [BenchConnection] = []
            for number in 0..<connections {
                var connection = try BenchConnection(server)
                for sid in 0..<subscriptions { try connection.subscribe("\(subject).\(number).\(sid)", sid: sid + 1) }
                try connection.settle(&scratch)
                open.append(connection)
            }
            Output.line("{\"mode\":\"idle\",\"connections\":\(connections),\"subscriptions\":\(connections * subscriptions)}")
            while readLine() != nil {}
            withExtendedLifetime(open) {}
        }
    }
}
