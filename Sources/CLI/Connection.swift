import ArgumentParser
import Foundation
import RivuletClient
import RivuletContract
import RivuletSubscriptions
import RivuletWire

/// What every command that talks to a server takes.
struct Connection: ParsableArguments {
    @OptionGroup var server: ServerOption

    func with<Result>(_ body: (RivuletClient) async throws -> Result) async throws -> Result {
        try await withRivuletClient(server.url, configuration: ClientConfiguration(name: "rivulet"), body)
    }
}

/// Headers as options.
struct HeaderOptions: ParsableArguments {
    @Option(name: [.customShort("H"), .long], help: ArgumentHelp("A header, as Name:Value; may be repeated.", valueName: "header"))
    var header: [String] = []

    func headers() throws -> Headers {
        var headers = Headers()
        for text in header {
            guard let colon = text.firstIndex(of: ":"), colon != text.startIndex else {
                throw ValidationError("header \"\(text)\" is not of the form Name:Value")
            }
            headers.add(String(text[..<colon]), text[text.index(after: colon)...].trimmingCharacters(in: .whitespaces))
        }
        return headers
    }
}

/// Seconds, as an option has them.
func duration(seconds: Double, for option: String) throws -> Duration {
    guard seconds > 0, seconds <= 1_000_000 else { throw ValidationError("\(option) must be more than 0 and at most 1000000 seconds") }
    return .milliseconds(Int64(seconds * 1000))
}
