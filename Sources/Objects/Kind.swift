/// A type of objects that a host serves. The type is erased here and in its handlers, once, so that what runs for each message is not
/// generic: objects come and go as `any ServiceObject`.
struct Kind: Sendable {
    /// Runs a turn: the object as it was and the message's JSON go in, the object as it is then and the reply's JSON come out.
    struct Runner: Sendable {
        let isQuery: Bool
        let run: @Sendable (any ServiceObject, [UInt8], Turn) async throws -> (object: any ServiceObject, reply: [UInt8])
    }

    let name: String
    /// The names of the messages, in the order of declaration.
    let messages: [String]
    let configuration: ObjectConfiguration
    let statistics = KindStatistics()
    /// An object that nothing is stored of.
    let make: @Sendable () -> any ServiceObject
    private let runners: [String: Runner]

    init<Object: ServiceObject>(_ type: Object.Type) {
        let handlers = Object.handlers
        name = Object.kind
        messages = handlers.names
        configuration = Object.configuration
        make = { Object() }
        runners = handlers.runners
    }

    subscript(message: String) -> Runner? { runners[message] }

    var isPersistent: Bool { configuration.persistence == .everyTurn }

    func unknown(_ message: String) -> CallError {
        CallError(.unknown, "\(name) has no message \"\(message)\"; it answers \(messages.joined(separator: ", "))")
    }
}
