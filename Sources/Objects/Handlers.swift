/// Handles a message that may change the object.
public struct Handle<Object: ServiceObject, M: Message>: Sendable {
    let body: HandlerBody<Object, M>

    /// Runs `body` for each message of the type; what it throws undoes the turn.
    public init(_ type: M.Type, _ body: @escaping @Sendable (inout Object, M, Turn) throws -> M.Reply) {
        self.body = .immediate(body)
    }

    /// Runs `body`, which may wait, for each message of the type; what it throws undoes the turn. No other turn of the object runs
    /// meanwhile.
    public init(_ type: M.Type, _ body: @escaping @Sendable (inout Object, M, Turn) async throws -> M.Reply) {
        self.body = .suspending(body)
    }
}

/// Answers a message without changing the object: there is nothing to commit, and publishing fails.
public struct Query<Object: ServiceObject, M: Message>: Sendable {
    let body: HandlerBody<Object, M>

    /// Runs `body` for each message of the type.
    public init(_ type: M.Type, _ body: @escaping @Sendable (Object, M, Turn) throws -> M.Reply) {
        self.body = .immediate { object, message, turn in try body(object, message, turn) }
    }

    /// Runs `body`, which may wait, for each message of the type. No other turn of the object runs meanwhile.
    public init(_ type: M.Type, _ body: @escaping @Sendable (Object, M, Turn) async throws -> M.Reply) {
        self.body = .suspending { object, message, turn in try await body(object, message, turn) }
    }
}

/// What is run for a message; where it cannot wait, a turn takes less.
enum HandlerBody<Object: ServiceObject, M: Message>: Sendable {
    case immediate(@Sendable (inout Object, M, Turn) throws -> M.Reply)
    case suspending(@Sendable (inout Object, M, Turn) async throws -> M.Reply)

    /// The same with its types erased.
    var erased: Kind.Runner.Body {
        switch self {
        case .immediate(let body):
            .immediate { object, payload, turn in
                guard var object = object as? Object else { throw Self.stranger(turn) }
                let reply = try body(&object, try Self.decode(payload), turn)
                return (object, try JSONPayload.encode(reply))
            }
        case .suspending(let body):
            .suspending { object, payload, turn in
                guard var object = object as? Object else { throw Self.stranger(turn) }
                let reply = try await body(&object, try Self.decode(payload), turn)
                return (object, try JSONPayload.encode(reply))
            }
        }
    }

    private static func stranger(_ turn: Turn) -> CallError {
        CallError(.failed, "\(turn.object) is not a \(Object.kind)")
    }

    private static func decode(_ payload: [UInt8]) throws(CallError) -> M {
        do {
            return try JSONPayload.decode(M.self, from: payload)
        } catch {
            throw CallError(.undecodable, "\(M.name): \(JSONPayload.explain(error))")
        }
    }
}

/// What an object answers, by message name.
public struct Handlers<Object: ServiceObject>: Sendable {
    /// The names of the messages, in the order of declaration.
    public let names: [String]
    let runners: [String: Kind.Runner]

    init(_ list: [Handler<Object>]) {
        names = list.map(\.name)
        runners = Dictionary(list.map { ($0.name, $0.runner) }) { first, _ in first }
    }
}

/// One handler with its types erased.
public struct Handler<Object: ServiceObject>: Sendable {
    let name: String
    let runner: Kind.Runner

    init<M: Message>(isQuery: Bool, _ body: HandlerBody<Object, M>) {
        name = M.name
        runner = Kind.Runner(isQuery: isQuery, body: body.erased)
    }
}

/// Builds ``Handlers`` from a list of ``Handle`` and ``Query``.
@resultBuilder
public enum HandlersBuilder<Object: ServiceObject> {
    /// A handler that may change the object.
    public static func buildExpression<M: Message>(_ handle: Handle<Object, M>) -> Handler<Object> {
        Handler(isQuery: false, handle.body)
    }

    /// A handler that only reads.
    public static func buildExpression<M: Message>(_ query: Query<Object, M>) -> Handler<Object> {
        Handler(isQuery: true, query.body)
    }

    /// All of them.
    public static func buildBlock(_ handlers: Handler<Object>...) -> Handlers<Object> { Handlers(handlers) }
}
