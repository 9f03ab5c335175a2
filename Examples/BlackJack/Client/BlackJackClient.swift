import ArgumentParser
import RivuletClient

/// Plays and watches BlackJack on a Rivulet node.
@main struct BlackJackClient: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "BlackJackClient",
        abstract: "Play BlackJack, let a bot play, or watch.",
        discussion: """
            BlackJackClient --name ann          play as ann
            BlackJackClient --bot --games 5     watch the basic strategy play five games
            BlackJackClient watch               see what happens at all tables

            Keys while playing: h hits, s stands, q leaves. BlackJackServer must be running.
            """,
        subcommands: [PlayCommand.self, WatchCommand.self],
        defaultSubcommand: PlayCommand.self)
}

/// Where the game is.
struct ServerOption: ParsableArguments {
    @Option(name: .long, help: "The node to connect to.")
    var server = "nats://127.0.0.1:4222"

    var client: ClientConfiguration { ClientConfiguration(name: "BlackJackClient") }
}
