import ArgumentParser

@main struct RivuletCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rivulet",
        abstract: "Pub/sub-centric event streaming with service objects, over the NATS protocol.",
        discussion: """
            rivulet serve                        run a node without objects
            rivulet sub 'chat.>'                 print messages as they come
            rivulet pub chat.lobby hello         publish one
            rivulet request obj.Kind.id.Ask '{}' call an object
            rivulet events Kind id --follow      its events, then live
            rivulet bench fan-out                measure a server
            """,
        subcommands: [Serve.self, Pub.self, Sub.self, Request.self, Events.self, Bench.self])
}
