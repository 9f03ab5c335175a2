import ArgumentParser
import RivuletClient
import RivuletContract
import RivuletSubscriptions

struct Events: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print the durable events of a kind, or of one object.",
        discussion: "A line an event: sequence, time, object id, name, JSON. With --follow it goes on live, without gap or duplicate.")

    @Argument(help: "The kind, which is also the stream's name.")
    var kind: String

    @Argument(help: "One object's id; all objects if not given.")
    var id: String?

    @Option(help: ArgumentHelp("The sequence to start at.", valueName: "sequence"))
    var from: UInt64 = 1

    @Flag(help: "Go on with what happens.")
    var follow = false

    @OptionGroup var connection: Connection

    func run() async throws {
        try await connection.with { client in
            for try await item in client.events(kind: kind, id: id, from: .sequence(from), follow: follow) {
                switch item {
                case .event(let event, let position) where event.durability == .durable:
                    let time = event.time.map(\.description) ?? ""
                    let payload = String(decoding: event.payload, as: UTF8.self)
                    Output.line("\(position.sequence) \(time) \(SubjectToken.encode(event.object.id)) \(event.name) \(payload)")
                case .event: break
                case .caughtUp: if follow { Output.note("live") }
                case .gap(let gap): Output.note("gap: \(gap)")
                }
            }
        }
    }
}
