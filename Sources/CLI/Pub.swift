import ArgumentParser
import RivuletClient
import RivuletContract
import RivuletSubscriptions

struct Pub: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Publish a message.")

    @Argument(help: "Where to, such as chat.lobby.")
    var subject: String

    @Argument(help: "The message.")
    var payload: String = ""

    @Option(help: "How many times.")
    var count: Int = 1

    @OptionGroup var headers: HeaderOptions
    @OptionGroup var connection: Connection

    func validate() throws {
        guard count > 0 else { throw ValidationError("--count must be at least 1") }
    }

    func run() async throws {
        let headers = try headers.headers()
        try await connection.with { client in
            let statuses = client.status
            for _ in 0..<count { try await client.publish(Array(payload.utf8), to: subject, headers: headers) }
            try await client.flush()
            await client.close()
            for await case .serverError(let refusal) in statuses { throw CommandFailure(refusal) }
        }
    }
}

/// Ends a command with exit code 1 and a sentence.
struct CommandFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}
