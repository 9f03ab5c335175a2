import NIOCore
import RivuletSubscriptions
import RivuletWire
import Synchronization

/// What the parts of a client share, whatever connection there is: subscriptions, outbox, known servers, and who listens to what
/// happens. It is the bus for requests and event followers.
final class ClientCore: InterruptibleBus {
    private struct State {
        var pool: ServerPool
        var channel: (any Channel)?
        var server: ServerAddress?
        var isClosing = false
        var isClosed = false
        var observers: [Int: @Sendable (BusInterruption) -> Void] = [:]
        var lastObserver = 0
    }

    let configuration: ClientConfiguration
    let subscriptions = SubscriptionTable()
    let outbox: ClientOutbox
    let dialer: TLSDialer
    let time = SystemTime()
    let tracing = MessageTracing()
    private let state: Mutex<State>

    init(_ configuration: ClientConfiguration, _ pool: ServerPool) {
        self.configuration = configuration
        dialer = TLSDialer(configuration.tls)
        outbox = ClientOutbox(maximumPending: configuration.maximumPending)
        state = Mutex(State(pool: pool))
    }

    var pool: ServerPool { state.withLock { $0.pool } }

    /// The server of the latest connection.
    var server: ServerAddress? { state.withLock { $0.server } }

    func began(with server: ServerAddress) {
        state.withLock { $0.server = server }
    }

    func learn(_ urls: [String], from server: ServerAddress) {
        guard configuration.usesLearnedServers else { return }
        state.withLock { $0.pool.learn(urls, from: server) }
    }

    // MARK: - The bus

    func publish(_ message: BusMessage) throws(BusError) {
        _ = try outbox.append(message)
    }

    func attach(
        _ pattern: SubjectPattern, queue: String?, _ receive: @escaping @Sendable (BusMessage) -> Void
    ) throws(BusError) -> Attachment {
        let sid = subscriptions.reserve()
        try subscribe(SubscriptionTable.Entry(pattern: pattern, queue: queue, drains: false, receive: receive), sid: sid)
        return Attachment { [self] in unsubscribe(sid) }
    }

    func subscribe(_ entry: SubscriptionTable.Entry, sid: Int) throws(BusError) {
        try QueueName.check(entry.queue)
        let line = ControlLineSize.subscribe(entry.pattern, queue: entry.queue, sid: sid)
        // Servers cut whoever sends a longer one, and it would be sent again by every connection.
        guard line <= WireLimits.server.controlLine else {
            throw BusError(.limit, "the subject is too long: it makes a line of \(line) bytes, which servers do not take")
        }
        try subscriptions.add(entry, sid: sid)
        outbox.append { entry.write(sid: sid, to: &$0) }
    }

    func unsubscribe(_ sid: Int) {
        guard subscriptions.remove(sid) else { return }
        sendUnsubscribe(sid)
    }

    /// Also while there is no connection: a SUB may wait to be sent.
    func sendUnsubscribe(_ sid: Int) {
        outbox.append(always: true) { FrameEncoder.unsubscribe(sid: sid, to: &$0) }
    }

    // MARK: - Interruptions

    func observe(_ change: @escaping @Sendable (BusInterruption) -> Void) -> Attachment {
        let number = state.withLock { state -> Int? in
            if state.isClosed { return nil }
            state.lastObserver += 1
            state.observers[state.lastObserver] = change
            return state.lastObserver
        }
        guard let number else {
            change(.closed)
            return Attachment {}
        }
        return Attachment { [self] in state.withLock { $0.observers[number] = nil } }
    }

    /// A connection was made that follows a lost one.
    func resumed() {
        for observer in state.withLock({ Array($0.observers.values) }) { observer(.resumed) }
    }

    // MARK: - The end

    var isClosing: Bool { state.withLock { $0.isClosing } }

    /// Makes a channel the one that closing closes; false if that has happened.
    func adopt(_ channel: any Channel) -> Bool {
        state.withLock { state in
            if !state.isClosing { state.channel = channel }
            return !state.isClosing
        }
    }

    /// Ends the connection; no other is made after it.
    func beginClosing() {
        let channel = state.withLock { state in
            state.isClosing = true
            return state.channel
        }
        channel?.close(promise: nil)
    }

    /// Everything ends.
    func finish() {
        let observers = state.withLock { state in
            state.isClosing = true
            state.isClosed = true
            defer { state.observers = [:] }
            return Array(state.observers.values)
        }
        outbox.close()
        subscriptions.close()
        for observer in observers { observer(.closed) }
    }
}
