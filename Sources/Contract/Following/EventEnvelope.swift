/// An event with all that is known about it, its payload undecoded.
public struct EventEnvelope: Sendable, Hashable {
    /// The object that published it.
    public let object: ObjectID
    /// The event's name.
    public let name: String
    /// `evt.<Kind>.<id>.<Event>`.
    public let subject: Subject
    /// Whether it is part of the stream.
    public let durability: EventDurability
    /// Where it stands in its stream. For an ephemeral event, which has no place: where its follower stood, so that resuming after it
    /// misses nothing.
    public let position: Position
    /// The sequence of the same object's durable event before it; 0 for the first, and for ephemeral events.
    public let previous: UInt64
    /// When it was committed; nil for ephemeral events that do not tell.
    public let time: Timestamp?
    /// The event as JSON.
    public let payload: [UInt8]

    /// An event of the stream.
    ///
    /// - Throws: ``CallError`` 400 when the subject is not that of an event.
    public init(subject: Subject, position: Position, previous: UInt64, time: Timestamp, payload: [UInt8]) throws(CallError) {
        (object, name) = try ObjectSubject.parse(subject)
        self.subject = subject
        durability = .durable
        self.position = position
        self.previous = previous
        self.time = time
        self.payload = payload
    }

    /// An event as it was delivered live; nil for a message that is not a durable event.
    public init?(live message: BusMessage) {
        self.init(message, subject: message.subject)
    }

    /// An event as it was read back from the stream; nil for a message that is not one.
    public init?(read message: BusMessage) {
        guard let subject = message.headers[HeaderName.subject].flatMap({ try? Subject($0) }) else { return nil }
        self.init(message, subject: subject)
    }

    /// An event that is not kept, as it was delivered to a follower who stood at `position`; nil for a message that is not one.
    init?(ephemeral message: BusMessage, at position: Position) {
        guard message.headers[HeaderName.sequence] == nil, let (object, name) = try? ObjectSubject.parse(message.subject) else {
            return nil
        }
        self.object = object
        self.name = name
        subject = message.subject
        durability = .ephemeral
        self.position = position
        previous = 0
        time = message.headers[HeaderName.timeStamp].flatMap { Timestamp($0) }
        payload = message.payload
    }

    private init?(_ message: BusMessage, subject: Subject) {
        guard let sequence = message.headers.number(HeaderName.sequence), sequence > 0,
            let previous = message.headers.number(HeaderName.previous), previous < sequence,
            let epoch = message.headers[HeaderName.epoch],
            let time = message.headers[HeaderName.timeStamp].flatMap({ Timestamp($0) }),
            let event = try? EventEnvelope(
                subject: subject, position: Position(epoch: epoch, sequence: sequence), previous: previous, time: time,
                payload: message.payload)
        else { return nil }
        self = event
    }
}
