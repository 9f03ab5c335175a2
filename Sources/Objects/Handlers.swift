/// Handles a message that may change the object.
public struct Handle<Object: ServiceObject, M: Message>: Sendable {
    let body: @Sendable (inout Object, M, Turn) async throws -> M.Reply

    /// Runs `body` for each message of the type; what it throws undoes the turn.
    public init(_ type: M.Type, _ body: @escaping @Sendable (inout Object, M, Turn) async throws -> M.Reply) {
        self.body = body
    }
}

/// Answers a message without changing the object: there is nothing to commit, and publishing fails.
public struct Query<Object: ServiceObject, M: Message>: Sendable {
    let body: @Sendable (Object, M, Turn) async throws -> M.Reply

    /// Runs `body` for each message of the type.
    public init(_ type: M.Type, _ body: @escaping @Sendable (Object, M, Turn) async throws -> M.Reply) {
        self.body = body
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

    init<M: Message>(
        _ type: M.Type, isQuery: Bool, _ body: @escaping @Sendable (inout Object, M, Turn) async throws -> M.Reply
    ) {
        name = M.name
        runner = Kind.Runner(isQuery: isQuery) { object, payload, turn in
            guard var object = object as? Object else { throw CallError(.failed, "\(turn.object) is not a \(Object.kind)") }
            let message: M
            do {
                message = try JSONPayload.decode(M.self, from: payload)
            } catch {
                throw CallError(.undecodable, "\(M.name): \(JSONPayload.explain(error))")
            }
            let reply = try JSONPayload.encode(try await body(&object, message, turn))
            return (object, reply)
        }
    }
}

/// Builds ``Handlers`` from a list of ``Handle`` and ``Query``.
@resultBuilder
public enum HandlersBuilder<Object: ServiceObject> {
    /// A handler that may change the object.
    public static func buildExpression<M: Message>(_ handle: Handle<Object, M>) -> Handler<Object> {
        Handler(M.self, isQuery: false, handle.body)
    }

    /// A handler that only reads.
    public static func buildExpression<M: Message>(_ query: Query<Object, M>) -> Handler<Object> {
        Handler(M.self, isQuery: true) { object, message, turn in try await query.body(object, message, turn) }
    }

    /// All of them.
    public static func buildBlock(_ handlers: Handler<Object>...) -> Handlers<Object> { Handlers(handlers) }
}
