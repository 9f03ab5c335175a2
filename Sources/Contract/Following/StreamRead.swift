/// Reading a stream back over the bus, as JetStream's batched direct get has it (NATS ADR-31), so that stock tools can ask as well.
///
/// A ``StreamReadRequest`` goes to `$JS.API.DIRECT.GET.<stream>`. Each event is one message to the request's reply subject, and a
/// batch is closed by an empty message with status 204.
public enum StreamRead {
    /// What the subjects of requests start with; the stream's name, as one token, follows.
    public static let subjectPrefix = "$JS.API.DIRECT.GET."

    /// Where reads of a stream are asked for.
    ///
    /// - Throws: ``SubjectError`` when the name is empty.
    public static func subject(stream: String) throws(SubjectError) -> Subject {
        try Subject(subjectPrefix + SubjectToken.encode(stream))
    }

    /// The stream that a request's subject names; nil when it names none.
    public static func stream(of subject: Subject) -> String? {
        let text = subject.description
        guard text.hasPrefix(subjectPrefix) else { return nil }
        return SubjectToken.decode(text.dropFirst(subjectPrefix.count))
    }

    /// One event, as an answer.
    ///
    /// - Parameters:
    ///   - reply: The request's reply subject.
    ///   - pending: How many more events match after this one.
    ///   - last: The sequence of the event sent before this one in the same batch; 0 for the first.
    public static func event(
        to reply: Subject, stream: String, subject: Subject, position: Position, previous: UInt64, time: Timestamp, payload: [UInt8],
        pending: UInt64, after last: UInt64
    ) -> BusMessage {
        var headers = Headers.event(stream: stream, position: position, previous: previous, time: time)
        headers.add(HeaderName.subject, subject.description)
        headers.add(HeaderName.pending, String(pending))
        headers.add(HeaderName.lastSequence, String(last))
        return BusMessage(subject: reply, headers: headers, payload: payload)
    }

    /// The end of a batch, also of one without events.
    ///
    /// - Parameters:
    ///   - pending: How many more events match after the last one looked at, or at least so many where not all were looked at: 1 may be
    ///     said in vain, 0 never.
    ///   - looked: The stream's epoch, and the last sequence that was looked at: the stream's head if nothing is pending. Whoever wants
    ///     more asks from the next one on, also after a batch without events.
    public static func end(to reply: Subject, pending: UInt64, looked: Position) -> BusMessage {
        var headers = Headers.status(204, "EOB")
        headers[HeaderName.pending] = String(pending)
        headers[HeaderName.lastSequence] = String(looked.sequence)
        headers[HeaderName.epoch] = looked.epoch
        return BusMessage(subject: reply, headers: headers)
    }

    /// The answer when there is no such stream, or, to a request without `batch`, no such event.
    public static func notFound(to reply: Subject) -> BusMessage {
        BusMessage(subject: reply, headers: .status(404, "Message Not Found"))
    }

    /// The answer to who may not subscribe to what they want to read.
    public static func forbidden(to reply: Subject) -> BusMessage {
        BusMessage(subject: reply, headers: .status(403, "Permissions Violation"))
    }

    /// The answer to a request that cannot be understood.
    public static func badRequest(to reply: Subject) -> BusMessage {
        BusMessage(subject: reply, headers: .status(408, "Bad Request"))
    }
}

/// What to read of a stream; the members are those of NATS ADR-31.
public struct StreamReadRequest: Codable, Sendable, Hashable {
    /// The first sequence of interest; nil, 0 and 1 mean the oldest.
    public var sequence: UInt64?
    /// Only events whose subject matches this pattern; nil for all.
    public var subject: String?
    /// At most so many events, closed by an end message; nil for exactly one event and no end message.
    public var batch: Int?
    /// No further event once the payloads add up to so many bytes; the first event always comes.
    public var maximumBytes: Int?

    /// A request.
    public init(sequence: UInt64? = nil, subject: String? = nil, batch: Int? = nil, maximumBytes: Int? = nil) {
        self.sequence = sequence
        self.subject = subject
        self.batch = batch
        self.maximumBytes = maximumBytes
    }

    private enum CodingKeys: String, CodingKey {
        case sequence = "seq"
        case subject = "next_by_subj"
        case batch
        case maximumBytes = "max_bytes"
    }
}

/// An answer to a ``StreamReadRequest``, as its reader sees it.
enum StreamReadAnswer: Sendable, Hashable {
    case event(EventEnvelope)
    /// The end of a batch: how many more match, at least, and up to where the stream was looked at.
    case end(pending: UInt64, looked: Position)
    /// There is no such stream.
    case noStream
    case refused(Int, String)
    /// Not what the protocol says.
    case malformed

    init(_ message: BusMessage) {
        switch message.headers.status {
        case nil:
            self = EventEnvelope(read: message).map { .event($0) } ?? .malformed
        // A server may say 404 for a batch without events; if it tells the epoch, there is a stream.
        case 204, 404:
            if let epoch = message.headers[HeaderName.epoch], let last = message.headers.number(HeaderName.lastSequence) {
                let pending = message.headers.number(HeaderName.pending) ?? 0
                self = .end(pending: pending, looked: Position(epoch: epoch, sequence: last))
            } else {
                self = message.headers.status == 404 ? .noStream : .malformed
            }
        case .some(let status):
            self = .refused(status, message.headers.statusText ?? "")
        }
    }
}

extension Headers {
    func number(_ name: String) -> UInt64? {
        self[name].flatMap { UInt64($0) }
    }
}
