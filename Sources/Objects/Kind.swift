/// A type of objects that a host serves. The type is erased here and in its handlers, once, so that what runs for each message is not
/// generic: objects come and go as `any ServiceObject`.
struct Kind: Sendable {
    /// The object after a turn, and the reply's JSON.
    typealias Result = (object: any ServiceObject, reply: [UInt8])

    /// Runs a turn: the object as it was and the message's JSON go in.
    struct Runner: Sendable {
        enum Body: Sendable {
            /// Never waits, and so needs no task.
            case immediate(@Sendable (any ServiceObject, [UInt8], Turn) throws -> Result)
            case suspending(@Sendable (any ServiceObject, [UInt8], Turn) async throws -> Result)
        }

        let isQuery: Bool
        let body: Body

        /// Whether it may have to wait for something.
        var maySuspend: Bool { if case .suspending = body { true } else { false } }

        func run(_ object: any ServiceObject, _ payload: [UInt8], _ turn: Turn) async throws -> Result {
            switch body {
            case .immediate(let body): try body(object, payload, turn)
            case .suspending(let body): try await body(object, payload, turn)
            }
        }
    }

    let name: String
    /// The names of the messages, in the order of declaration.
    let messages: [String]
    let configuration: ObjectConfiguration
    let statistics = KindStatistics()
    /// An object that nothing is stored of.
    let make: @Sendable () -> any ServiceObject
    /// Whether it has fields whose values a turn may change.
    private let hasState: Bool
    private let runners: [String: Runner]

    init<Object: ServiceObject>(_ type: Object.Type) {
        let handlers = Object.handlers
        name = Object.kind
        messages = handlers.names
        configuration = Object.configuration
        make = { Object() }
        hasState = MemoryLayout<Object.State>.size > 0
        runners = handlers.runners
    }

    subscript(message: String) -> Runner? { runners[message] }

    var isPersistent: Bool { configuration.persistence == .everyTurn }

    /// Whether there may be another state to store after a turn.
    var storesState: Bool { isPersistent && hasState }

    func unknown(_ message: String) -> CallError {
        CallError(.unknown, "\(name) has no message \"\(message)\"; it answers \(messages.joined(separator: ", "))")
    }
}
