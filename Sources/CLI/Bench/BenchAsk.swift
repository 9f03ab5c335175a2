import ArgumentParser
import RivuletClient
import RivuletContract

struct BenchAsk: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ask", abstract: "Ask an object through Rivulet's client library, one call at a time, and measure each.",
        discussion: "In a cluster the client goes to the node that owns the object once it has learned of it, whichever it is connected to."
    )

    @Option(help: "The kind of the object.")
    var kind: String = "Counter"

    @Option(help: ArgumentHelp("The name of the object.", valueName: "name"))
    var id: String = "0"

    @Option(help: "What it is asked.")
    var message: String = "Add"

    @Option(help: ArgumentHelp("The body of a call.", valueName: "text"))
    var payload: String = "{}"

    @Option(help: ArgumentHelp("Calls beforehand, which are not measured.", valueName: "count"))
    var warmUp: Int = 1000

    @OptionGroup var length: BenchLength
    @OptionGroup var options: BenchOptions

    func run() async throws {
        let (start, count) = (options.server.url, length.messages)
        let result = try await withRivuletClient(start) { client in
            let object = client.object(kind, id)
            let request = ObjectRequest(object: object.object, message: message, payload: Array(payload.utf8))
            func ask() async throws {
                if let error = CallError(reply: try await object.caller.ask(request)) { throw error }
            }
            for _ in 0..<max(0, warmUp) { try await ask() }
            let clock = ContinuousClock()
            var times: [UInt64] = []
            let start = clock.now
            let end = start + .seconds(length.duration)
            var before = start
            while count.map({ times.count < $0 }) ?? (before < end) {
                try await ask()
                let now = clock.now
                times.append((now - before).nanoseconds)
                before = now
            }
            return BenchResult(
                mode: "ask", size: payload.utf8.count, seconds: (before - start) / .seconds(1), published: times.count,
                delivered: times.count, nanoseconds: times)
        }
        try result.report(json: options.json)
    }
}
