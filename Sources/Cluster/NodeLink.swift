import RivuletContract
import RivuletSubscriptions
import Synchronization

/// A message on its way to the node that owns its object.
struct Forwarded: Sendable {
    let message: BusMessage
    /// The other node does not own it, or cannot be reached.
    let onRefusal: @Sendable () -> Void
}

/// Carries messages to one node, and their answers back to whom they are for.
final class NodeLink: Sendable {
    private struct Pending {
        let reply: Subject
        let end: Duration
        let onRefusal: @Sendable () -> Void
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
        guard !state.withLock({ $0.hasEnded }) else { return refuse(forwarded) }
        guard waiting.waiting < configuration.linkCapacity else {
            return answer(forwarded.message.reply, with: CallError(.overloaded, "too much waits for the node \(node)"))
        }
        waiting.send(forwarded)
        // It may have ended in between.
        if state.withLock({ $0.hasEnded }) { waiting.finish() }
    }

    /// Carries messages until the connection is lost or the task is cancelled.
    func run(over connection: NodeConnection, at address: String) async {
        let answers: Attachment
        do {
            answers = try connection.bus.attach(SubjectPattern(inbox + ".*"), queue: nil) { [weak self] in
                self?.receive($0, from: address)
            }
        } catch {
            return
        }
        await withDiscardingTaskGroup { group in
            group.addTask {
                await connection.ended()
                self.waiting.finish()
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

    /// The node cannot be reached any more: whoever waits is told.
    func end() {
        waiting.finish()
        let pending = state.withLock { state in
            state.hasEnded = true
            defer { state.pending = [:] }
            return Array(state.pending.values)
        }
        for request in pending {
            request.onRefusal()
            answer(request.reply, with: unreachable)
        }
    }

    private func pass(_ forwarded: Forwarded, to other: any MessageBus) {
        var message = forwarded.message
        if let reply = message.reply { message.reply = note(reply, forwarded) }
        do {
            try other.publish(message)
        } catch {
            if let inbox = message.reply { take(inbox) }
            refuse(forwarded)
        }
    }

    /// Notes where the answer goes, and gives the subject that it comes to.
    private func note(_ reply: Subject, _ forwarded: Forwarded) -> Subject {
        let timeout = forwarded.message.headers[HeaderName.timeout].flatMap { Int64($0) }
        let wait = timeout.map { Duration.milliseconds(max(0, min($0, 1_000_000_000_000))) } ?? configuration.answerTimeout
        let end = time.now + wait
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

    private func receive(_ message: BusMessage, from address: String) {
        guard let request = take(message.subject) else { return }
        if message.headers.status == 503 {
            request.onRefusal()
            return answer(request.reply, with: unreachable)
        }
        var answer = message
        if message.headers[HeaderName.moved] != nil {
            request.onRefusal()
            answer.headers[HeaderName.moved] = nil
        } else if message.headers[HeaderName.serviceErrorCode] != "503" {
            answer.headers[HeaderName.owner] = address
        }
        answer.subject = request.reply
        answer.reply = nil
        try? bus.publish(answer)
    }

    private var unreachable: CallError { CallError(.unavailable, "the node \(node), which has the object, cannot be reached; ask again") }

    private func refuse(_ forwarded: Forwarded) {
        forwarded.onRefusal()
        answer(forwarded.message.reply, with: unreachable)
    }

    private func answer(_ reply: Subject?, with error: CallError) {
        guard let reply else { return }
        try? bus.publish(BusMessage(subject: reply, headers: error.headers, payload: error.body))
    }
}
