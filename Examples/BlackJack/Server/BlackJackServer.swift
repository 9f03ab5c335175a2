import ArgumentParser
import BlackJackObjects
import Rivulet

/// A node with a casino in it.
@main struct BlackJackServer: NodeCommand {
    struct Options: ParsableArguments {
        @Option(name: .long, help: "Seconds that the first player at a table waits for others.")
        var startAfter = 10.0

        @Option(name: .long, help: "Seconds that a player may do nothing before they stand.")
        var turnSeconds = 10.0

        func validate() throws {
            guard (0...86_400).contains(startAfter), (0...86_400).contains(turnSeconds) else {
                throw ValidationError("--start-after and --turn-seconds are between 0 and 86400 seconds")
            }
        }
    }

    static let objects: [any ServiceObject.Type] = [Casino.self, GameTable.self]

    static func dependencies(_ options: Options) -> Dependencies {
        Dependencies().with(TableRules(startAfter: .seconds(options.startAfter), turnTime: .seconds(options.turnSeconds)))
    }
}
