import NIOCore
import RivuletSockets
import RivuletWire
import Synchronization

/// What waits to be written to one connection. Any thread appends frames; the connection's event loop writes them.
///
/// Appending does not write. It tells whether the caller has to `flush()`: only the first to append since the last flush has to, and
/// does so once it has nothing more to append, so that many frames become one write. While a write is under way frames collect, and
/// its end starts the next.
final class Outbox: Sendable {
    struct Appended: OptionSet {
        let rawValue: UInt8
        /// The frame will be written.
        static let accepted = Appended(rawValue: 1)
        /// The caller has to flush.
        static let needsFlush = Appended(rawValue: 2)
        /// The consumer is behind; whoever publishes to it should pause.
        static let congested = Appended(rawValue: 4)
        /// The subscription has had its last message.
        static let expired = Appended(rawValue: 8)
        /// The message has headers, and the client did not say that it understands them.
        static let headersNotUnderstood = Appended(rawValue: 16)
    }

    enum Phase {
        case open
        /// What is queued is written, nothing more is accepted.
        case finishing
        case closed
    }

    struct State {
        var phase = Phase.open
        var queue = ChunkQueue()
        /// Bytes handed to the system which it has not accepted yet.
        var inFlight = 0
        /// The chunks these are in.
        var writing: [ByteBuffer] = []
        /// The number of the write that is under way or was last.
        var writeNumber: UInt64 = 0
        /// When it began.
        var writeBegan = NIODeadline.distantPast
        /// Somebody is going to flush.
        var isDirty = false
        /// A check of the write deadline is scheduled.
        var isWatched = false
        var acceptsHeaders = false
        /// Messages appended, and the bytes of their headers and payloads.
        var outMessages = 0
        var outBytes = 0
        /// Once it has been looked up.
        var socket: DirectSocket?
        /// What the connection ends with.
        var farewell: WireError?

        var pending: Int { queue.count + inFlight }
    }

    let id: Int
    let channel: any Channel
    let configuration: BrokerConfiguration
    let record: ConnectionRecord
    let state = Mutex(State())
    /// Whether nothing in the channel's pipeline changes what is written.
    let writesDirectly: Bool
    private let onSlowConsumer: @Sendable () -> Void

    /// - Parameter onSlowConsumer: Called once, if the consumer is cut for being slow.
    init(
        id: Int, channel: any Channel, writesDirectly: Bool, configuration: BrokerConfiguration,
        onSlowConsumer: @escaping @Sendable () -> Void
    ) {
        self.id = id
        self.channel = channel
        self.writesDirectly = writesDirectly
        self.configuration = configuration
        self.onSlowConsumer = onSlowConsumer
        record = ConnectionRecord(channel.remoteAddress)
    }

    var pendingBytes: Int { state.withLock { $0.pending } }

    /// Whether so much is waiting that publishers should pause.
    var isCongested: Bool {
        state.withLock { $0.phase == .open && $0.pending > configuration.stallThreshold }
    }

    /// Sets whether the client understands headers.
    func setAcceptsHeaders(_ accepts: Bool) {
        state.withLock { $0.acceptsHeaders = accepts }
    }

    /// Appends a frame of the server itself, such as PONG.
    func append(_ frame: [UInt8]) -> Appended {
        state.withLock { state in
            guard state.phase == .open else { return [] }
            state.queue.append(frame)
            return appended(&state)
        }
    }

    /// Appends a message for one of the connection's subscriptions.
    ///
    /// - Parameters:
    ///   - tail: What follows the sid.
    ///   - hasHeaders: Whether the tail has headers. If the client does not understand them, nothing is appended.
    ///   - size: Bytes of headers and payload, for the count.
    func append(
        subject: borrowing Span<UInt8>, tail: borrowing Span<UInt8>, hasHeaders: Bool, size: Int, for subscriber: Subscriber
    ) -> Appended {
        state.withLock { state in
            guard state.phase == .open else { return [] }
            guard !hasHeaders || state.acceptsHeaders else { return .headersNotUnderstood }
            let delivered = subscriber.delivered.load(ordering: .relaxed) &+ 1
            let maximum = subscriber.maximum.load(ordering: .relaxed)
            guard maximum == 0 || delivered <= maximum else { return [] }
            subscriber.delivered.store(delivered, ordering: .relaxed)
            let sid = subscriber.sid
            state.queue.append(subject: subject, sid: sid.span, tail: tail, hasHeaders: hasHeaders)
            state.outMessages &+= 1
            state.outBytes &+= size
            var result = appended(&state)
            if delivered == maximum { result.insert(.expired) }
            return result
        }
    }

    /// Appends the messages of a run for one of the connection's subscriptions: all, or as many as it is still to have.
    ///
    /// - Parameter buffer: The bytes, if parts of them may be written where they are instead of copied.
    func append(
        _ run: borrowing PublishRun, in bytes: borrowing Span<UInt8>, sharing buffer: ByteBuffer?, for subscriber: Subscriber
    ) -> (result: Appended, count: Int, size: Int) {
        state.withLock { state in
            guard state.phase == .open else { return ([], 0, 0) }
            let delivered = subscriber.delivered.load(ordering: .relaxed)
            let maximum = subscriber.maximum.load(ordering: .relaxed)
            let count = maximum == 0 ? run.frames.count : Swift.min(run.frames.count, maximum &- delivered)
            guard count > 0 else { return ([], 0, 0) }
            subscriber.delivered.store(delivered &+ count, ordering: .relaxed)
            let sid = subscriber.sid
            if let buffer, count == run.frames.count {
                state.queue.append(run, sid: sid, sharing: buffer)
            } else {
                state.queue.append(run, first: count, sid: sid.span, in: bytes)
            }
            let size = count == run.frames.count ? run.size : run.size(first: count)
            state.outMessages &+= count
            state.outBytes &+= size
            var result = appended(&state)
            if delivered &+ count == maximum { result.insert(.expired) }
            return (result, count, size)
        }
    }

    /// Lets a subscription end after `maximum` messages in all. True if it has had them already.
    func setMaximum(_ maximum: Int, of subscriber: Subscriber) -> Bool {
        state.withLock { _ in
            subscriber.maximum.store(maximum, ordering: .relaxed)
            return subscriber.delivered.load(ordering: .relaxed) >= maximum
        }
    }

    /// Lets a subscription have nothing more, also from publishers that have looked it up and are about to append.
    func end(_ subscriber: Subscriber) {
        state.withLock { _ in subscriber.maximum.store(-1, ordering: .relaxed) }
    }

    private func appended(_ state: inout State) -> Appended {
        var result: Appended = .accepted
        if state.pending > configuration.maximumPending {
            cut(&state)
            return []
        }
        if state.pending > configuration.stallThreshold { result.insert(.congested) }
        if !state.isDirty {
            state.isDirty = true
            result.insert(.needsFlush)
        }
        return result
    }

    /// Gives a slow consumer up: what it has not read is dropped, and the connection told to end.
    func cut(_ state: inout State) {
        guard state.phase == .open else { return }
        state.phase = .finishing
        state.queue.removeAll()
        onSlowConsumer()
        signal(.slowConsumer)
    }

    /// Tells the connection, once its event loop is done with what it does now: the teller may hold the lock, or be in the middle of
    /// this connection's own read.
    func signal(_ signal: ConnectionSignal) {
        let channel = channel
        channel.eventLoop.execute { channel.pipeline.fireUserInboundEventTriggered(signal) }
    }
}

/// What others tell a connection, on its event loop.
enum ConnectionSignal: Sendable {
    case slowConsumer
    case expired(Subscriber)
    case lameDuck
    /// Who may connect, and what they may do, has changed.
    case settingsChanged
    /// Where else clients may connect has changed.
    case othersChanged
    case end
}
