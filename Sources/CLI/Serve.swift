import ArgumentParser
import Rivulet

struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Run a node without objects: a broker and the streams of its store.")

    @OptionGroup var node: NodeOptions

    func run() async throws {
        try await node.run(hosting: [])
    }
}
