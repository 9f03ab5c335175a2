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
