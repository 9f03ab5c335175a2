import RivuletBackbone

/// What a turn wants done once it has committed.
struct TurnEffects: Sendable {
    private(set) var events: [NewEvent] = []
    var failure: (any Error)?
    /// Known from earlier turns, and kept for later ones.
    private(set) var eventSubject: EventSubject?
    /// One at most, in an array so that it takes no more than a word: turns are many, and most want nothing of it.
    private var kept: [OtherEffects] = []

    init(eventSubject: EventSubject? = nil) {
        self.eventSubject = eventSubject
    }

    /// What there is to do besides giving out events that are kept; nil if nothing.
    var others: OtherEffects? { kept.first }
    var hasOthers: Bool { !kept.isEmpty }

    /// Adds something to do besides.
    mutating func add(_ change: (inout OtherEffects) throws -> Void) rethrows {
        if kept.isEmpty { kept.append(OtherEffects()) }
        try change(&kept[0])
    }

    /// Publishes an event that is kept.
    mutating func keep<E: Event>(_ event: E, of object: ObjectID) throws {
        events.append(NewEvent(subject: try subject(of: E.self, by: object), payload: try JSONPayload.encode(event)))
    }

    /// Publishes an event that is not kept. Those of one type in a row are kept together, unless they have the headers of a trace.
    mutating func publish<E: Event>(_ event: E, of object: ObjectID, trace: Headers) throws {
        let subject = try subject(of: E.self, by: object)
        guard trace.isEmpty else {
            let message = BusMessage(subject: subject, headers: trace, payload: try JSONPayload.encode(event))
            return add { $0.publish(message) }
        }
        try add { try $0.publish(event, to: subject) }
    }

    private mutating func subject<E: Event>(of type: E.Type, by object: ObjectID) throws -> Subject {
        if let eventSubject, eventSubject.type == ObjectIdentifier(type) { return eventSubject.subject }
        let subject = try ObjectSubject.event(object, name: E.name)
        eventSubject = EventSubject(type: ObjectIdentifier(type), subject: subject)
        return subject
    }
}

/// What a turn wants done besides giving out events that are kept.
struct OtherEffects: Sendable {
    var sends: [ObjectRequest] = []
    var schedules: [ScheduleChange] = []
    var background: [@Sendable (ObjectReference) async throws -> Void] = []
    var deactivates = false
    private var closed: [Publication] = []
    /// The events that were published last, while more of their type may follow.
    private var latest: (type: ObjectIdentifier, run: MessageRun)?

    /// What is published and not kept, in order.
    var publications: [Publication] { closed + (latest.map { [.events($0.run)] } ?? []) }

    /// Whether there are many events in a row.
    var hasBurst: Bool {
        publications.contains { if case .events(let run) = $0 { run.count > 1 } else { false } }
    }

    mutating func publish(_ message: BusMessage) {
        close()
        closed.append(.message(message))
    }

    /// Publishes an event; those of one type in a row are kept together.
    mutating func publish<E: Event>(_ event: E, to subject: Subject) throws {
        let type = ObjectIdentifier(E.self)
        if latest?.type != type {
            close()
            latest = (type, MessageRun(subject: subject))
        }
        try latest?.run.append { bytes throws in try JSONPayload.encode(event, to: &bytes) }
    }

    private mutating func close() {
        if let latest { closed.append(.events(latest.run)) }
        latest = nil
    }
}

/// Where events of the type go that an object published last.
struct EventSubject: Sendable {
    let type: ObjectIdentifier
    let subject: Subject
}

/// What a turn publishes and nobody keeps.
enum Publication: Sendable {
    case message(BusMessage)
    case events(MessageRun)
}

/// A message an object sends itself later.
struct Schedule: Sendable {
    var name: String?
    var message: String
    var payload: [UInt8]
    var delay: Duration
}

/// A change to an activation's schedules.
enum ScheduleChange: Sendable {
    case set(Schedule)
    case cancel(String)
}
