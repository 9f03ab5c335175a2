/// A request to an object before it is addressed and sent.
public struct ObjectRequest: Sendable {
    /// Whom to ask.
    public var object: ObjectID
    /// The message's name.
    public var message: String
    /// The message as JSON.
    public var payload: [UInt8]
    /// Headers to go with it.
    public var headers: Headers
    /// How long to wait; nil for the caller's default.
    public var timeout: Duration?

    /// A request.
    public init(object: ObjectID, message: String, payload: [UInt8], headers: Headers = Headers(), timeout: Duration? = nil) {
        self.object = object
        self.message = message
        self.payload = payload
        self.headers = headers
        self.timeout = timeout
    }
}

/// What carries requests to objects: a client, a node, or a turn of another object.
public protocol ObjectCaller: Sendable {
    /// Sends the request and waits for the reply, which may carry a ``CallError``.
    ///
    /// - Throws: ``CallError`` with 408 or 503 when no reply came; `CancellationError`.
    func ask(_ request: ObjectRequest) async throws -> BusMessage

    /// Sends the request without waiting; nobody learns whether it was handled.
    func send(_ request: ObjectRequest) throws
}

/// Something that stands for one object and can be called.
public protocol CallableObject: Sendable {
    /// The object's name.
    var object: ObjectID { get }
    /// What carries the calls.
    var caller: any ObjectCaller { get }
}

extension CallableObject {
    /// Asks the object and waits for its answer.
    ///
    /// - Parameter timeout: How long to wait; nil for the caller's default (5 s, or what is left of the turn's own deadline).
    /// - Parameter messageID: Makes the request idempotent: repeated with the same id it is answered from the record, not run again.
    /// - Throws: One of the message's ``Message/errors``, or ``CallError``.
    public func ask<M: Message>(_ message: M, timeout: Duration? = nil, messageID: String? = nil) async throws -> M.Reply {
        var request = try request(message)
        request.timeout = timeout
        request.headers[HeaderName.messageID] = messageID
        let reply = try await caller.ask(request)
        if let error = CallError(reply: reply) { throw M.typed(error) }
        do {
            return try JSONPayload.decode(M.Reply.self, from: reply.payload)
        } catch {
            throw CallError(.undecodable, "the reply to \(M.name) is not a \(M.Reply.self): \(JSONPayload.explain(error))")
        }
    }

    /// Sends the object a message and does not wait; in a turn it leaves when the turn has committed.
    ///
    /// - Throws: ``CallError`` when the message cannot be encoded or handed over.
    public func send<M: Message>(_ message: M) throws {
        try caller.send(request(message))
    }

    private func request<M: Message>(_ message: M) throws -> ObjectRequest {
        do {
            return ObjectRequest(object: object, message: M.name, payload: try JSONPayload.encode(message))
        } catch {
            throw CallError(.undecodable, "\(M.name) cannot be written as JSON: \(error)")
        }
    }
}

extension Message {
    /// The application's own error if the message declares it and it decodes, else the error as it is.
    static func typed(_ error: CallError) -> any Error {
        guard error.code == .refused, let type = errors.first(where: { $0.name == error.errorName }) else { return error }
        return (try? JSONPayload.decode(type, from: error.body)) ?? error
    }
}

/// An object as a turn sees it: it can be asked and sent messages.
public struct ObjectReference: CallableObject {
    /// The object's name.
    public let object: ObjectID
    /// What carries the calls.
    public let caller: any ObjectCaller

    /// An object reached through `caller`.
    public init(_ object: ObjectID, caller: any ObjectCaller) {
        self.object = object
        self.caller = caller
    }
}
