import RivuletContract
import RivuletSubscriptions
import Synchronization

/// Why a message that was handed on has no answer.
enum Refusal: Sendable {
    /// Surely no object has handled it: the node cannot be reached, or does not have the object.
    case notHandled
    /// The connection was lost after it was sent: whether it was handled is not known.
    case lost
    /// Too many messages wait for the node.
    case overloaded
}

/// A message on its way to the node that owns its object.
struct Forwarded: Sendable {
    let message: BusMessage
    let onRefusal: @Sendable (Refusal) -> Void
}

/// Carries messages to one node, and their answers back to whom they are for.
final class NodeLink: Sendable {
    private struct Pending {
        let reply: Subject
        let end: Duration
        let onRefusal: @Sendable (Refusal) -> Void
    }

    private struct State {
        var pending: [Substring: Pending] = [:]
        var last: UInt64 = 0
        var hasEnded = false
        /// When old ones are looked for next.
        var sweepAt = 1024
    }

    let node: String
    private let bus: any MessageBus
    private let configuration: ClusterConfiguration
    private let time: any TimeSource
    private let inbox = Requester.makeInbox()
    private let waiting: BoundedChannel<Forwarded>
    private let state = Mutex(State())

    init(to node: String, bus: any MessageBus, configuration: ClusterConfiguration, time: any TimeSource) {
        self.node = node
        self.bus = bus
        self.configuration = configuration
        self.time = time
        waiting = BoundedChannel(capacity: configuration.linkCapacity, whenFull: .dropNewest)
    }

    func send(_ forwarded: Forwarded) {
        let refusal = state.withLock { state -> Refusal? in
            if state.hasEnded { return .notHandled }
            if waiting.waiting >= configuration.linkCapacity || state.pending.count >= configuration.linkCapacity { return .overloaded }
            waiting.send(forwarded)
            return nil
        }
        if let refusal { forwarded.onRefusal(refusal) }
    }

    /// Carries messages until the connection is lost, the link is closed, or the task is cancelled.
    func run(over connection: NodeConnection) async {
        let answers: Attachment
        do {
            answers = try connection.bus.attach(SubjectPattern(inbox + ".*"), queue: nil) { [weak self] in self?.receive($0) }
        } catch {
            return
        }
        await withDiscardingTaskGroup { group in
            group.addTask {
                await connection.ended()
                self.close()
            }
            do {
                for try await forwarded in waiting { pass(forwarded, to: connection.bus) }
            } catch {
                // It ends without an error.
            }
            group.cancelAll()
        }
        answers.cancel()
    }

    /// Takes no more messages.
    func close() {
        state.withLock { state in
            state.hasEnded = true
            waiting.finish()
        }
    }

    /// The node cannot be reached any more: whoever waits is told.
    func end() async {
        close()
        do {
            for try await forwarded in waiting { forwarded.onRefusal(.notHandled) }
        } catch {
            // It ends without an error.
        }
        let pending = state.withLock { state in
            defer { state.pending = [:] }
            return Array(state.pending.values)
        }
        for request in pending { request.onRefusal(.lost) }
    }

    private func pass(_ forwarded: Forwarded, to other: any MessageBus) {
        var message = forwarded.message
        if let reply = message.reply { message.reply = note(reply, forwarded) }
        do {
            try other.publish(message)
        } catch {
            if let inbox = message.reply { take(inbox) }
            forwarded.onRefusal(.notHandled)
        }
    }

    /// Notes where the answer goes, and gives the subject that it comes to.
    private func note(_ reply: Subject, _ forwarded: Forwarded) -> Subject {
        let end = time.now + (forwarded.message.headers.timeout ?? configuration.answerTimeout)
        let token = state.withLock { state -> String in
            state.last &+= 1
            let token = String(state.last, radix: 36)
            state.pending[Substring(token)] = Pending(reply: reply, end: end, onRefusal: forwarded.onRefusal)
            if state.pending.count >= state.sweepAt {
                let now = time.now
                state.pending = state.pending.filter { $0.value.end > now }
                state.sweepAt = max(1024, 2 * state.pending.count)
            }
            return token
        }
        return Subject(received: (inbox + "." + token).utf8)
    }

    @discardableResult
    private func take(_ subject: Subject) -> Pending? {
        guard let token = subject.tokens.last else { return nil }
        return state.withLock { $0.pending.removeValue(forKey: token) }
    }

    private func receive(_ message: BusMessage) {
        guard let request = take(message.subject) else { return }
        if message.headers.status == 503 || message.headers[HeaderName.moved] != nil { return request.onRefusal(.notHandled) }
        var answer = message
        answer.subject = request.reply
        answer.reply = nil
        try? bus.publish(answer)
    }
}
