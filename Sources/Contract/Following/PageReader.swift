import Synchronization

/// Asks for pages of a stream, one at a time, and puts their messages together.
final class PageReader: Sendable {
    private struct Reading {
        var token: String
        var from: UInt64
        var events: [EventEnvelope] = []
        var resume: CheckedContinuation<FollowMachine.Page, any Error>
        var timeout: ScheduledAction?
    }

    private struct State {
        var reading: Reading?
        var lastToken: UInt64 = 0
        var attachment: Attachment?
    }

    private let bus: any MessageBus
    private let time: any TimeSource
    private let stream: String
    private let inbox: String
    private let state = Mutex(State())

    init(bus: any MessageBus, time: any TimeSource, stream: String) throws {
        self.bus = bus
        self.time = time
        self.stream = stream
        inbox = Requester.makeInbox()
        let attachment = try bus.attach(SubjectPattern(inbox + ".*"), queue: nil) { [weak self] in self?.receive($0) }
        state.withLock { $0.attachment = attachment }
    }

    /// One page.
    ///
    /// - Throws: ``EventStreamError``, ``BusError``, or `CancellationError`.
    func read(_ request: StreamReadRequest, timeout: Duration) async throws -> FollowMachine.Page {
        let token = state.withLock { state -> String in
            state.lastToken &+= 1
            return String(state.lastToken, radix: 36)
        }
        let message = BusMessage(
            subject: try StreamRead.subject(stream: stream), reply: try Subject(inbox + "." + token),
            payload: try JSONPayload.encode(request))
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { resume in
                let reading = Reading(token: token, from: request.sequence ?? 1, resume: resume)
                begin(message, reading, deadline: time.now + timeout)
            }
        } onCancel: {
            end(token, .failure(CancellationError()))
        }
    }

    /// Gives up a page whose rest may be lost.
    func interrupt(_ error: BusError) {
        if let token = state.withLock({ $0.reading?.token }) { end(token, .failure(error)) }
    }

    private func begin(
        _ message: BusMessage, _ reading: Reading, deadline: Duration
    ) {
        let token = reading.token
        let isCancelled = state.withLock { state -> Bool in
            if !Task.isCancelled { state.reading = reading }
            return state.reading?.token != token
        }
        if isCancelled { return reading.resume.resume(throwing: CancellationError()) }
        let stream = stream
        let timeout = time.schedule(at: deadline) { [weak self] in
            self?.end(token, .failure(BusError(.timeout, "the stream \(stream) could not be read in time")))
        }
        let isOver = state.withLock { state -> Bool in
            guard state.reading?.token == token else { return true }
            state.reading?.timeout = timeout
            return false
        }
        if isOver { timeout.cancel() }
        do {
            try bus.publish(message)
        } catch {
            end(token, .failure(error))
        }
    }

    private func receive(_ message: BusMessage) {
        guard let token = message.subject.tokens.last.map(String.init) else { return }
        switch StreamReadAnswer(message) {
        case .event(let event):
            state.withLock { state in
                if state.reading?.token == token { state.reading?.events.append(event) }
            }
        case .end(let pending, let looked):
            guard let reading = state.withLock({ $0.reading }), reading.token == token else { return }
            // Nobody is to ask the same for ever.
            if reading.events.isEmpty, pending > 0, looked.sequence < reading.from {
                end(token, .failure(EventStreamError(.invalid, "the server says there are events in \(stream), and sends none")))
            } else {
                end(token, .success(FollowMachine.Page(events: reading.events, pending: pending, looked: looked)))
            }
        case .noStream:
            end(token, .failure(EventStreamError(.noStream, "there is no stream \"\(stream)\"")))
        case .refused(503, _):
            end(token, .failure(BusError(.noResponders, "nobody can read the stream \"\(stream)\" now")))
        case .refused(429, _):
            end(token, .failure(BusError(.full, "too many read the stream \"\(stream)\" now")))
        case .refused(403, _):
            end(token, .failure(BusError(.forbidden, "the server does not let this client read these events of \"\(stream)\"")))
        case .refused(let code, let text):
            end(token, .failure(EventStreamError(.invalid, "the stream \"\(stream)\" cannot be read so: \(code) \(text)")))
        case .malformed:
            end(token, .failure(EventStreamError(.invalid, "the server sent something else than events of \"\(stream)\"")))
        }
    }

    private func end(_ token: String, _ result: Result<FollowMachine.Page, any Error>) {
        let reading = state.withLock { state -> Reading? in
            guard state.reading?.token == token else { return nil }
            defer { state.reading = nil }
            return state.reading
        }
        reading?.timeout?.cancel()
        reading?.resume.resume(with: result)
    }
}
