import RivuletClient
import Synchronization

/// A stream in memory, published and read back over a bus as a node does it.
final class EventLogServer: Sendable {
    private struct Stored {
        var subject: Subject
        var previous: UInt64
        var payload: [UInt8]
    }

    private struct State {
        var epoch: String
        var events: [Stored] = []
        /// How many of the oldest are not kept any more.
        var trimmed = 0
        var reads = 0
        var lookLimit = Int.max
        var attachment: Attachment?
    }

    private let stream: String
    private let state: Mutex<State>

    init(stream: String, epoch: String = "e1") {
        self.stream = stream
        state = Mutex(State(epoch: epoch))
    }

    var reads: Int { state.withLock { $0.reads } }
    var epoch: String { state.withLock { $0.epoch } }

    /// Answers on a bus from now on, instead of the one before.
    func serve(_ bus: any MessageBus) throws {
        let attachment = try bus.attach(SubjectPattern(StreamRead.subject(stream: stream)), queue: nil) { [weak self] request in
            guard let self, let reply = request.reply else { return }
            for answer in self.answers(to: request, at: reply) { try? bus.publish(answer) }
        }
        state.withLock { $0.attachment = attachment }
    }

    /// Commits an event; `bus` is where it is told, nil if its message gets lost.
    func commit(_ id: String, _ event: some Event, on bus: (any MessageBus)?) throws {
        let subject = try ObjectSubject.event(ObjectID(kind: stream, id: id), name: type(of: event).name)
        let payload = try JSONPayload.encode(event)
        try commit(subject, payload, on: bus)
    }

    func commit(_ subject: Subject, _ payload: [UInt8], on bus: (any MessageBus)?) throws {
        let prefix = subject.tokens.prefix(3)
        let message = state.withLock { state -> BusMessage in
            let previous = state.events.lastIndex { $0.subject.tokens.prefix(3) == prefix }.map { UInt64($0 + 1) } ?? 0
            state.events.append(Stored(subject: subject, previous: previous, payload: payload))
            let position = Position(epoch: state.epoch, sequence: UInt64(state.events.count))
            let headers = Headers.event(stream: stream, position: position, previous: previous, time: Timestamp(nanoseconds: 0))
            return BusMessage(subject: subject, headers: headers, payload: payload)
        }
        try bus?.publish(message)
    }

    func trim(_ count: Int) {
        state.withLock { $0.trimmed = count }
    }

    /// Has reads look at no more events than that.
    func limitLooks(to count: Int) {
        state.withLock { $0.lookLimit = count }
    }

    func replace(epoch: String) {
        state.withLock { state in
            state.epoch = epoch
            state.events = []
        }
    }

    private func answers(to request: BusMessage, at reply: Subject) -> [BusMessage] {
        guard let read = try? JSONPayload.decode(StreamReadRequest.self, from: request.payload), let batch = read.batch else {
            return [StreamRead.badRequest(to: reply)]
        }
        return state.withLock { state in
            state.reads += 1
            let pattern = read.subject.flatMap { try? SubjectPattern($0) }
            let first = max(UInt64(state.trimmed) + 1, read.sequence ?? 1)
            let wanted = state.events.indices.dropFirst(Int(clamping: first - 1))
            let looks = wanted.prefix(state.lookLimit)
            let matching = looks.filter { pattern?.matches(state.events[$0].subject) ?? true }
            var answers: [BusMessage] = []
            var last: UInt64 = 0
            for index in matching.prefix(batch) {
                let event = state.events[index]
                let pending = UInt64(matching.count - answers.count - 1)
                answers.append(
                    StreamRead.event(
                        to: reply, stream: stream, subject: event.subject,
                        position: Position(epoch: state.epoch, sequence: UInt64(index + 1)), previous: event.previous,
                        time: Timestamp(nanoseconds: 0), payload: event.payload, pending: pending, after: last))
                last = UInt64(index + 1)
            }
            let pending = UInt64(max(matching.count - answers.count, looks.count < wanted.count ? 1 : 0))
            let lookedAt = answers.count < batch ? looks.last.map { UInt64($0 + 1) } ?? 0 : last
            let looked = Position(epoch: state.epoch, sequence: pending > 0 ? lookedAt : UInt64(state.events.count))
            return answers + [StreamRead.end(to: reply, pending: pending, looked: looked)]
        }
    }
}
