import ArgumentParser
import Foundation

/// Which server a command talks to.
struct ServerOption: ParsableArguments {
    private static let usual = "nats://127.0.0.1:4222"

    @Option(help: ArgumentHelp("The server; RIVULET_SERVER if not given, else \(Self.usual).", valueName: "url"))
    var server: String?

    var url: String { server ?? ProcessInfo.processInfo.environment["RIVULET_SERVER"] ?? Self.usual }
}
