import ArgumentParser
import RivuletClient
import RivuletContract
import RivuletSubscriptions

struct Sub: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Print messages as they come.")

    @Argument(help: "What to listen to, such as 'chat.*' or 'evt.>'.")
    var pattern: String

    @Option(help: "Join a queue group, of which one member gets each message.")
    var queue: String?

    @Option(help: "End after this many messages.")
    var count: Int?

    @Flag(help: "Print payloads only.")
    var raw = false

    @OptionGroup var connection: Connection

    func validate() throws {
        if let count, count < 1 { throw ValidationError("--count must be at least 1") }
    }

    func run() async throws {
        try await connection.with { client in
            let messages = try await client.subscribe(pattern, SubscriptionOptions(queue: queue))
            Output.note("listening to \(pattern)")
            var seen = 0
            for try await message in messages {
                if raw {
                    Output.payload(message.payload)
                } else {
                    Output.line("\(message.subject) \(String(decoding: message.payload, as: UTF8.self))")
                }
                seen += 1
                if seen == count { break }
            }
        }
    }
}
