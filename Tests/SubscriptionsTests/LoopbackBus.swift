import RivuletSubscriptions
import RivuletWire
import Synchronization

/// A bus within the test, made of an interest index.
final class LoopbackBus: MessageBus {
    private let index = Mutex(InterestIndex<@Sendable (BusMessage) -> Void>())

    func publish(_ message: BusMessage) throws(BusError) {
        let route = index.withLock { $0.route(for: message.subject.utf8) }
        for receive in route.plain { receive(message) }
        for group in route.groups { group.first?(message) }
        if route.isEmpty, let reply = message.reply {
            try publish(BusMessage(subject: reply, headers: .status(503, "No Responders")))
        }
    }

    func attach(
        _ pattern: SubjectPattern, queue: String?, _ receive: @escaping @Sendable (BusMessage) -> Void
    ) throws(BusError) -> Attachment {
        let entry = index.withLock { $0.insert(pattern, queue: queue, receive) }
        return Attachment { [self] in index.withLock { $0.remove(entry) } }
    }

    var subscriptions: Int { index.withLock { $0.count } }
}

/// Time that is moved by hand.
final class HandMovedTime: TimeSource {
    private struct State {
        var now: Duration = .zero
        var waiting: [Int: (deadline: Duration, action: @Sendable () -> Void)] = [:]
        var last = 0
    }

    private let state = Mutex(State())

    var now: Duration { state.withLock { $0.now } }
    var wallTime: Timestamp { Timestamp(nanoseconds: 0) }
    var steadyTime: Timestamp { wallTime }
    var waiting: Int { state.withLock { $0.waiting.count } }

    func schedule(at deadline: Duration, _ action: @escaping @Sendable () -> Void) -> ScheduledAction {
        let number = state.withLock { state in
            state.last += 1
            state.waiting[state.last] = (deadline, action)
            return state.last
        }
        return ScheduledAction { [self] in state.withLock { $0.waiting[number] = nil } }
    }

    func advance(by duration: Duration) {
        let due = state.withLock { state in
            state.now += duration
            let due = state.waiting.filter { $0.value.deadline <= state.now }
            for number in due.keys { state.waiting[number] = nil }
            return due.values.map(\.action)
        }
        for action in due { action() }
    }
}
