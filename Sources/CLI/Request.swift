import ArgumentParser
import RivuletClient
import RivuletContract
import RivuletSubscriptions
import RivuletWire

struct Request: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Send a request and print the reply.", discussion: "An error reply is printed to standard error and exits with code 1.")

    @Argument(help: "Whom to ask, such as obj.GameTable.7.GetTable.")
    var subject: String

    @Argument(help: "The request; JSON for objects.")
    var payload: String = ""

    @Option(help: ArgumentHelp("How long to wait for the reply.", valueName: "seconds"))
    var timeout: Double = 5

    @OptionGroup var headers: HeaderOptions
    @OptionGroup var connection: Connection

    func run() async throws {
        var headers = try headers.headers()
        let timeout = try duration(seconds: timeout, for: "--timeout")
        headers[HeaderName.timeout] = headers[HeaderName.timeout] ?? String(timeout.wholeMilliseconds)
        let reply = try await connection.with { client in
            try await client.request(subject, Array(payload.utf8), headers: headers, timeout: timeout)
        }
        guard let error = CallError(reply: reply) else { return Output.payload(reply.payload) }
        if !error.body.isEmpty { Output.payload(error.body) }
        Output.note("\(error)")
        throw ExitCode.failure
    }
}
