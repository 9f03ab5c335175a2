import Logging
import RivuletBackbone
import Synchronization

/// Answers reads of the event streams, `$JS.API.DIRECT.GET.<stream>`.
final class StreamReader: Sendable {
    /// The most events one request gets, whatever it asks for; the asker sees from the end message that there is more.
    private static let batchLimit = 1000
    private static let byteLimit = 4 << 20
    /// How long a batch that would be empty is looked for before the asker is told how far that came.
    private static let patience = Duration.seconds(1)

    private let log: any EventLog
    private let limit: Int
    private let scope: TaskScope
    private let time: any TimeSource
    private let reads = Atomic<Int>(0)
    private let publish: @Sendable (BusMessage) -> Void

    init(log: any EventLog, limit: Int, scope: TaskScope, time: any TimeSource, publish: @escaping @Sendable (BusMessage) -> Void) {
        self.log = log
        self.limit = limit
        self.scope = scope
        self.time = time
        self.publish = publish
    }

    func receive(_ message: BusMessage) {
        guard let reply = message.reply else { return }
        guard let stream = StreamRead.stream(of: message.subject), let request = Self.decode(message.payload) else {
            return publish(StreamRead.badRequest(to: reply))
        }
        guard Self.allows(message.origin, stream: stream, pattern: request.pattern) else { return publish(StreamRead.forbidden(to: reply)) }
        guard reads.add(1, ordering: .relaxed).newValue <= limit else {
            reads.subtract(1, ordering: .relaxed)
            return publish(BusMessage(subject: reply, headers: .status(429, "Too Many Reads")))
        }
        scope.start {
            await self.answer(request, stream: stream, reply: reply, to: message.origin)
            self.reads.subtract(1, ordering: .relaxed)
        }
    }

    private static func decode(_ payload: [UInt8]) -> (read: StreamReadRequest, pattern: SubjectPattern?)? {
        guard let request = try? JSONPayload.decode(StreamReadRequest.self, from: payload), (request.batch ?? 1) > 0 else { return nil }
        guard let subject = request.subject else { return (request, nil) }
        guard let pattern = try? SubjectPattern(subject) else { return nil }
        return (request, pattern)
    }

    /// Who could not subscribe to the events gets none of them read back.
    private static func allows(_ origin: (any MessageOrigin)?, stream: String, pattern: SubjectPattern?) -> Bool {
        guard let origin else { return true }
        guard let pattern = pattern ?? (try? ObjectSubject.events(kind: stream)) else { return false }
        return origin.maySubscribe(to: pattern)
    }

    private func answer(
        _ request: (read: StreamReadRequest, pattern: SubjectPattern?), stream: String, reply: Subject, to origin: (any MessageOrigin)?
    ) async {
        let read = EventRead(
            stream: stream, from: request.read.sequence ?? 1, matching: request.pattern,
            limit: min(request.read.batch ?? 1, Self.batchLimit),
            byteLimit: min(request.read.maximumBytes ?? Self.byteLimit, Self.byteLimit))
        let isBatch = request.read.batch != nil
        do {
            // Without a batch there is no way to say how far it came.
            let page = try await page(read, for: origin, until: isBatch ? time.now + Self.patience : nil)
            send(page, of: stream, to: reply, asBatch: isBatch)
        } catch {
            publish(Self.refusal(error, to: reply))
        }
    }

    /// A page without what the reader may not have: a subscription that is allowed may still have events in it that are not.
    private func page(
        _ read: EventRead, for origin: (any MessageOrigin)?, until end: Duration?
    ) async throws(StoreError) -> EventPage {
        var read = read
        while true {
            var page = try await log.read(read)
            if let origin { page.events.removeAll { !origin.mayReceive($0.subject) } }
            if !page.events.isEmpty || page.pending == 0 { return page }
            if Task.isCancelled { throw StoreError(.closed, "the node is about to end") }
            if let end, end <= time.now { return page }
            read.from = page.looked &+ 1
        }
    }

    private func send(_ page: EventPage, of stream: String, to reply: Subject, asBatch: Bool) {
        var last: UInt64 = 0
        for (index, event) in page.events.enumerated() {
            publish(
                StreamRead.event(
                    to: reply, stream: stream, subject: event.subject,
                    position: Position(epoch: page.state.epoch, sequence: event.sequence), previous: event.previous, time: event.time,
                    payload: event.payload, pending: page.pending + UInt64(page.events.count - 1 - index), after: last))
            last = event.sequence
        }
        if asBatch {
            publish(StreamRead.end(to: reply, pending: page.pending, looked: Position(epoch: page.state.epoch, sequence: page.looked)))
        } else if page.events.isEmpty {
            publish(StreamRead.notFound(to: reply))
        }
    }

    private static func refusal(_ error: StoreError, to reply: Subject) -> BusMessage {
        if error.code == .noStream { return StreamRead.notFound(to: reply) }
        return BusMessage(subject: reply, headers: .status(503, "Stream Not Readable"))
    }
}
