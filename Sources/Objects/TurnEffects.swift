import RivuletBackbone

/// What a turn wants done once it has committed.
struct TurnEffects: Sendable {
    var events: [NewEvent] = []
    var publishes: [BusMessage] = []
    var sends: [ObjectRequest] = []
    var schedules: [ScheduleChange] = []
    var background: [@Sendable (ObjectReference) async throws -> Void] = []
    var deactivates = false
    var failure: (any Error)?
    /// The subject of the last event, since the next is likely to be of its type.
    private var last: (type: ObjectIdentifier, subject: Subject)?

    mutating func subject<E: Event>(of type: E.Type, from object: ObjectID) throws(SubjectError) -> Subject {
        let key = ObjectIdentifier(type)
        if let last, last.type == key { return last.subject }
        let subject = try ObjectSubject.event(object, name: type.name)
        last = (key, subject)
        return subject
    }
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
