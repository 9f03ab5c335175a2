import DequeModule
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
    /// The node takes no message of this size.
    case tooLarge
}

/// A message on its way to the node that owns its object.
final class Forwarded: Sendable {
    let message: BusMessage
    let onRefusal: @Sendable (Refusal) -> Void
    /// About how many bytes it keeps.
    let size: Int
    /// Whether the node may have it already.
    let wasSent: Bool

    init(message: BusMessage, wasSent: Bool = false, onRefusal: @escaping @Sendable (Refusal) -> Void) {
        self.message = message
        self.wasSent = wasSent
        self.onRefusal = onRefusal
        size = message.size
    }
}

/// Carries messages to one node, and their answers back to whom they are for.
///
/// Whoever sends a message passes it to the connection there and then, so that it waits for no other thread. One at a time does: what
/// comes meanwhile, or before there is a connection, waits, and is passed in order by whoever is at it.
final class NodeLink: Sendable {
    private struct Pending {
        let forwarded: Forwarded
        let end: Duration
    }

    private enum Phase {
        case connecting
        case open(any MessageBus)
        case ended
    }

    private struct State {
        var phase = Phase.connecting
        var waiting: Deque<Forwarded> = []
        /// For what waits and what is pending.
        var room: Room
        /// Whether somebody will pass what waits. Until there is a connection, that is whoever makes it.
        var isPassing = true
        var pending: [UInt64: Pending] = [:]
        var last: UInt64 = 0
        /// Which of them is being passed: the connection may not take it.
        var underWay: UInt64?
        /// With how many the old ones are looked for next.
        var sweepAt = 1024
        /// When they were looked for.
        var sweptAt = Duration.zero

        /// Forgets those that nobody waits for any more.
        mutating func sweep(at now: Duration) {
            pending = pending.filter { _, waiting in
                if waiting.end <= now { room.give(waiting.forwarded.size) }
                return waiting.end > now
            }
            sweepAt = max(1024, 2 * pending.count)
            sweptAt = now
        }

        var hasEnded: Bool { if case .ended = phase { !isPassing } else { false } }
    }

    private enum Receipt {
        case passes, waits, full, ended
    }

    private enum Step {
        /// The number stands for the answer, if there is to be one.
        case pass(any MessageBus, number: UInt64?)
        case refuse(Refusal)
    }

    /// How often a full link looks at each message for those that are over.
    private static let sweepPause = Duration.seconds(1)

    let node: String
    /// Whose messages it carries; nil for those of the process.
    let thread: (any DeliveringThread)?
    private let sender: String
    private let bus: any MessageBus
    private let configuration: ClusterConfiguration
    private let time: any TimeSource
    /// What a reply subject has before its number.
    private let inbox = Requester.makeInbox() + "."
    private let state: Mutex<State>
    /// Finishes when the link has ended and whoever waited was told.
    private let end = BoundedChannel<Void>(capacity: 1, whenFull: .dropNewest)

    init(
        from sender: String, to node: String, on thread: (any DeliveringThread)?, bus: any MessageBus, configuration: ClusterConfiguration,
        time: any TimeSource
    ) {
        self.sender = sender
        self.node = node
        self.thread = thread
        self.bus = bus
        self.configuration = configuration
        self.time = time
        state = Mutex(State(room: Room(messages: configuration.linkCapacity, bytes: configuration.linkByteCapacity)))
    }

    /// Takes a message; those of one sender leave in order.
    ///
    /// - Returns: False when it has ended. As long as those before are being told, it takes messages and refuses them after these.
    func send(_ forwarded: Forwarded) -> Bool {
        let receipt = state.withLock { state -> Receipt in
            if state.hasEnded { return .ended }
            guard hasRoom(for: forwarded.size, &state) else { return .full }
            state.room.take(forwarded.size)
            state.waiting.append(forwarded)
            defer { state.isPassing = true }
            return state.isPassing ? .waits : .passes
        }
        switch receipt {
        case .passes: passWaiting()
        case .waits: break
        case .full: forwarded.onRefusal(.overloaded)
        case .ended: return false
        }
        return true
    }

    private func hasRoom(for size: Int, _ state: inout State) -> Bool {
        if state.room.fits(size) { return true }
        let now = time.now
        if now - state.sweptAt >= Self.sweepPause { state.sweep(at: now) }
        return state.room.fits(size)
    }

    /// Carries messages until the connection is lost, the link is closed, or the task is cancelled.
    func run(over connection: NodeConnection, at address: String) async {
        let answers: Attachment
        do {
            answers = try connection.bus.attach(SubjectPattern(inbox + "*"), queue: nil) { [weak self] in
                self?.receive($0, from: address)
            }
        } catch {
            return
        }
        open(connection.bus)
        await withDiscardingTaskGroup { group in
            group.addTask {
                await connection.ended()
                self.close()
            }
            await self.ended()
            group.cancelAll()
        }
        answers.cancel()
    }

    private func open(_ other: any MessageBus) {
        let isOpen = state.withLock { state -> Bool in
            guard case .connecting = state.phase else { return false }
            state.phase = .open(other)
            return true
        }
        if isOpen { passWaiting() }
    }

    /// The node is not reached any more: whoever waits is told, in the order of the messages.
    func close() {
        let passes = state.withLock { state -> Bool in
            if case .ended = state.phase { return false }
            let isConnecting = if case .connecting = state.phase { true } else { false }
            state.phase = .ended
            // Whoever passes the one that is under way will know whether it was sent.
            let lost = state.pending.filter { $0.key != state.underWay }.sorted { $0.key > $1.key }
            for (number, lost) in lost {
                state.pending[number] = nil
                state.waiting.prepend(lost.forwarded.sent)
            }
            defer { state.isPassing = true }
            return isConnecting || !state.isPassing
        }
        if passes { passWaiting() }
    }

    /// Returns when the link has ended and whoever waited was told, or the task is cancelled.
    func ended() async {
        var end = end.makeAsyncIterator()
        _ = try? await end.next()
    }

    // MARK: - Passing

    /// For whoever is the one to pass. Nothing is locked while a message is passed: it may be answered before that returns.
    private func passWaiting() {
        while let (forwarded, step) = state.withLock({ nextStep(&$0) }) {
            switch step {
            case .pass(let other, let number): pass(forwarded, to: other, number)
            case .refuse(let refusal): forwarded.onRefusal(refusal)
            }
        }
        if state.withLock({ $0.hasEnded }) { end.finish() }
    }

    private func nextStep(_ state: inout State) -> (Forwarded, Step)? {
        if let number = state.underWay {
            state.underWay = nil
            if case .ended = state.phase, let lost = state.pending.removeValue(forKey: number) {
                state.waiting.insert(lost.forwarded.sent, at: state.waiting.firstIndex { !$0.wasSent } ?? state.waiting.endIndex)
            }
        }
        guard let forwarded = state.waiting.popFirst() else {
            state.isPassing = false
            return nil
        }
        guard case .open(let other) = state.phase else {
            state.room.give(forwarded.size)
            return (forwarded, .refuse(forwarded.wasSent ? .lost : .notHandled))
        }
        guard forwarded.message.reply == nil else { return (forwarded, .pass(other, number: note(forwarded, &state))) }
        state.room.give(forwarded.size)
        return (forwarded, .pass(other, number: nil))
    }

    private func pass(_ forwarded: Forwarded, to other: any MessageBus, _ number: UInt64?) {
        var message = forwarded.message
        message.origin = nil
        message.headers[HeaderName.hop] = sender
        if let number { message.reply = Subject(valid: inbox + String(number)) }
        do {
            try other.publish(message)
        } catch {
            // One that is not pending any more is refused already.
            if let number, take(number) == nil { return }
            switch error.code {
            // Where there is no room now there may be for the next one, which what is tried again would come after.
            case .full: forwarded.onRefusal(.overloaded)
            case .limit: forwarded.onRefusal(.tooLarge)
            default: forwarded.onRefusal(.notHandled)
            }
        }
    }

    // MARK: - Answers

    /// Notes where the answer goes.
    private func note(_ forwarded: Forwarded, _ state: inout State) -> UInt64 {
        let now = time.now
        state.last &+= 1
        state.underWay = state.last
        state.pending[state.last] = Pending(
            forwarded: forwarded, end: now + (forwarded.message.headers.timeout ?? configuration.answerTimeout))
        if state.pending.count >= state.sweepAt { state.sweep(at: now) }
        return state.last
    }

    private func take(_ number: UInt64) -> Forwarded? {
        state.withLock { state in
            let forwarded = state.pending.removeValue(forKey: number)?.forwarded
            if let forwarded { state.room.give(forwarded.size) }
            return forwarded
        }
    }

    private func receive(_ message: BusMessage, from address: String) {
        guard let number = UInt64(Substring(message.subject.utf8.dropFirst(inbox.utf8.count))), let request = take(number),
            let reply = request.message.reply
        else { return }
        if message.headers.status == 503 || message.headers[HeaderName.moved] != nil { return request.onRefusal(.notHandled) }
        var answer = message
        if message.headers[HeaderName.serviceErrorCode] != "503" { answer.headers[HeaderName.owner] = address }
        answer.subject = reply
        answer.reply = nil
        try? bus.publish(answer)
    }
}

extension Forwarded {
    fileprivate var sent: Forwarded {
        Forwarded(message: message, wasSent: true, onRefusal: onRefusal)
    }
}
