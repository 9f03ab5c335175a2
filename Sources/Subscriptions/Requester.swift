import RivuletWire
import Synchronization

/// Request/reply over a bus: all replies come to one inbox, `<prefix>.<token>`, whose last token names the request.
public final class Requester: Sendable {
    private struct State {
        var attachment: Attachment?
        var waiting: [Substring: Pending] = [:]
        var lastToken: UInt64 = 0
        /// Requests over connections before this one get no answer any more.
        var firstConnection = 0
        var closed = false
    }

    private struct Pending {
        var resume: CheckedContinuation<BusMessage, any Error>
        /// Unknown until its message is published.
        var connection: Int?
        var timeout: ScheduledAction?

        func isBefore(_ connection: Int) -> Bool { self.connection.map { $0 < connection } ?? false }
    }

    private let bus: any MessageBus
    private let publish: @Sendable (BusMessage) throws(BusError) -> Int
    private let time: any TimeSource
    private let prefix: String
    private let state = Mutex(State())

    /// A requester that waits with `time`.
    public convenience init(bus: any MessageBus, time: any TimeSource) {
        self.init(bus: bus, time: time) { message throws(BusError) in
            try bus.publish(message)
            return 0
        }
    }

    /// A requester over a bus that has one connection after another.
    ///
    /// - Parameter publish: Publishes a message to the bus; returns the number of the connection that it goes over. Later ones have higher
    ///   numbers.
    package init(bus: any MessageBus, time: any TimeSource, publish: @escaping @Sendable (BusMessage) throws(BusError) -> Int) {
        self.bus = bus
        self.publish = publish
        self.time = time
        prefix = Self.makeInbox()
    }

    /// Whether no request is under way.
    package var isIdle: Bool { state.withLock { $0.waiting.isEmpty } }

    /// A subject nobody else uses, to which one token is to be added; 128 random bits: who does not know it cannot guess it.
    public static func makeInbox() -> String {
        "_INBOX." + String(UInt64.random(in: .min ... .max), radix: 36) + String(UInt64.random(in: .min ... .max), radix: 36)
    }

    /// Publishes a request and waits for the first reply.
    ///
    /// - Parameter deadline: On the time source's ``TimeSource/now``.
    /// - Throws: ``BusError`` with `noResponders`, `timeout` or what the bus says; `CancellationError` when the task is cancelled.
    public func request(_ message: BusMessage, deadline: Duration) async throws -> BusMessage {
        try await request(message, deadline: deadline, publish: publish)
    }

    /// Has `publish` publish a request to the requester's bus, and waits for the first reply.
    ///
    /// - Parameters:
    ///   - deadline: On the time source's ``TimeSource/now``.
    ///   - publish: Called at most once, at once; when it throws, so does the request. Returns the number of the connection.
    /// - Throws: ``BusError`` with `noResponders`, `timeout` or what `publish` says; `CancellationError` when the task is cancelled.
    package func request(
        _ message: BusMessage, deadline: Duration, publish: (BusMessage) throws(BusError) -> Int
    ) async throws -> BusMessage {
        try subscribeOnce()
        let token = nextToken()
        var request = message
        request.reply = Subject(valid: prefix + "." + token)
        let reply = try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                begin(request, token: token, deadline: deadline, continuation, publish)
            }
        } onCancel: {
            end(token, with: .failure(CancellationError()))
        }
        if reply.headers.status == 503, reply.payload.isEmpty {
            throw BusError(.noResponders, "nobody answers \"\(message.subject)\"")
        }
        return reply
    }

    /// Ends the inbox; requests under way fail with `closed`.
    public func close() {
        let attachment = state.withLock { state in
            state.closed = true
            defer { state.attachment = nil }
            return state.attachment
        }
        attachment?.cancel()
        failPending(BusError(.closed, "the connection was closed before the reply came"))
    }

    /// Fails all requests under way, since their replies will not come.
    public func failPending(_ error: BusError) {
        fail(error) { _ in true }
    }

    /// Whether requests are under way over connections before this one, or may be: some are just being published.
    package func hasRequests(before connection: Int) -> Bool {
        state.withLock { state in state.waiting.values.contains { $0.connection == nil || $0.isBefore(connection) } }
    }

    /// Fails requests over connections before this one, since their replies will not come; also those that are just being published.
    package func fail(before connection: Int, _ error: BusError) {
        state.withLock { $0.firstConnection = max($0.firstConnection, connection) }
        fail(error) { $0.isBefore(connection) }
    }

    private func fail(_ error: BusError, where isMeant: (Pending) -> Bool) {
        let failed = state.withLock { state in
            let failed = state.waiting.filter { isMeant($0.value) }
            for token in failed.keys { state.waiting[token] = nil }
            return Array(failed.values)
        }
        for request in failed {
            request.timeout?.cancel()
            request.resume.resume(throwing: error)
        }
    }

    private func begin(
        _ request: BusMessage, token: Substring, deadline: Duration, _ continuation: CheckedContinuation<BusMessage, any Error>,
        _ publish: (BusMessage) throws(BusError) -> Int
    ) {
        let refused = state.withLock { state -> (any Error)? in
            if state.closed { return BusError(.closed, "the connection is closed") }
            if Task.isCancelled { return CancellationError() }
            state.waiting[token] = Pending(resume: continuation)
            return nil
        }
        if let refused {
            continuation.resume(throwing: refused)
            return
        }
        let subject = request.subject
        let timeout = time.schedule(at: deadline) { [weak self] in
            self?.end(token, with: .failure(BusError(.timeout, "no reply from \"\(subject)\" in time")))
        }
        let answered = state.withLock { state -> Bool in
            state.waiting[token]?.timeout = timeout
            return state.waiting[token] == nil
        }
        if answered { timeout.cancel() }
        do {
            note(token, over: try publish(request))
        } catch {
            end(token, with: .failure(error))
        }
    }

    /// Notes which connection a request went over.
    private func note(_ token: Substring, over connection: Int) {
        let isLost = state.withLock { state -> Bool in
            state.waiting[token]?.connection = connection
            return connection < state.firstConnection
        }
        if isLost { end(token, with: .failure(BusError(.disconnected, "the connection was lost before the reply came"))) }
    }

    private func end(_ token: Substring, with result: Result<BusMessage, any Error>) {
        guard let pending = state.withLock({ $0.waiting.removeValue(forKey: token) }) else { return }
        pending.timeout?.cancel()
        pending.resume.resume(with: result)
    }

    private func subscribeOnce() throws {
        if state.withLock({ $0.attachment != nil || $0.closed }) { return }
        let attachment = try bus.attach(SubjectPattern(prefix + ".*"), queue: nil) { [weak self] message in
            guard let dot = message.subject.description.lastIndex(of: ".") else { return }
            let text = message.subject.description
            self?.end(text[text.index(after: dot)...], with: .success(message))
        }
        let surplus = state.withLock { state -> Attachment? in
            if state.attachment != nil || state.closed { return attachment }
            state.attachment = attachment
            return nil
        }
        surplus?.cancel()
    }

    private func nextToken() -> Substring {
        let number = state.withLock { state -> UInt64 in
            state.lastToken &+= 1
            return state.lastToken
        }
        return Substring(String(number, radix: 36))
    }
}
