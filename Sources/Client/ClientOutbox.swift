import DequeModule
import NIOCore
import RivuletSockets
import RivuletSubscriptions
import RivuletWire
import Synchronization

/// What waits to be written to the server. Any thread appends; the connection's event loop writes. Outlives connections: what a lost
/// one had not begun to write is written by the next.
///
/// Only the first append since the last write asks the event loop to write, so that many messages become one write.
final class ClientOutbox: Sendable {
    enum Phase {
        case disconnected
        case connected(Link)
        case closed
    }

    /// A connection, as far as it is written to.
    struct Link {
        let channel: any Channel
        /// Its socket, if its pipeline need not see what is written.
        let socket: DirectSocket?
        /// Whether all that its handler wrote has left, so that the socket can be written to.
        var isClear = false
    }

    struct State {
        var phase = Phase.disconnected
        var sink = FrameSink()
        var spare = ByteBuffer()
        /// Bytes that are being written.
        var inFlight = 0
        /// Which connection it is, or the next one if there is none: so that the end of a lost one's write is not taken for the present
        /// one's, and requests end with the connection that they were for.
        var connection = 0
        var isDirty = false
        var maximumPayload = WireLimits.server.payload
        /// The flushes whose PING waits to be written; nil for a PING of the connection's own.
        var unsentPings: [UInt64?] = []
        /// The same for those whose PONG has not come yet, oldest first.
        var sentPings: Deque<UInt64?> = []
        var flushes: [UInt64: Flush] = [:]
        var writers: [UInt64: CheckedContinuation<Void, Never>] = [:]
        var lastToken: UInt64 = 0

        var pending: Int { sink.buffer.readableBytes + inFlight }

        /// All that waits to be written.
        mutating func takeSink() -> ByteBuffer {
            let bytes = sink.buffer
            sink.buffer = spare
            spare = ByteBuffer()
            // Now, when nobody else holds it: cleared before, it would be another.
            sink.buffer.clear()
            sentPings.append(contentsOf: unsentPings)
            unsentPings = []
            return bytes
        }

        mutating func endConnection() {
            phase = .disconnected
            connection += 1
            inFlight = 0
            isDirty = false
        }

        /// Those who wait for room, if there is much.
        mutating func takeWriters(_ maximumPending: Int) -> [CheckedContinuation<Void, Never>] {
            guard pending <= maximumPending / 2 else { return [] }
            defer { writers = [:] }
            return Array(writers.values)
        }
    }

    let state = Mutex(State())
    let maximumPending: Int

    init(maximumPending: Int) {
        self.maximumPending = maximumPending
    }

    /// The number of the connection, or of the next one.
    var connection: Int { state.withLock { $0.connection } }

    var isConnected: Bool {
        state.withLock { if case .connected = $0.phase { true } else { false } }
    }

    /// Appends a message.
    ///
    /// - Parameter whileConnected: Whether it may not wait for a connection to come.
    /// - Returns: The number of the connection that it is for. Should that be lost before it is written, the next one has it.
    /// - Throws: `closed`, `full` or `limit`; `disconnected` if it may not wait.
    func append(_ message: BusMessage, whileConnected: Bool = false) throws(BusError) -> Int {
        let headers = message.headers.isEmpty ? 0 : message.headers.encodedCount
        let size = headers + message.payload.count
        let line = ControlLineSize.publish(message, headers: headers, total: size)
        // Servers cut whoever sends a longer one.
        guard line <= WireLimits.server.controlLine else {
            throw BusError(.limit, "subject and reply are too long: they make a line of \(line) bytes, which servers do not take")
        }
        let result = state.withLock { state -> Result<((any EventLoop)?, Int), BusError> in
            if case .closed = state.phase { return .failure(BusError(.closed, "the client is closed")) }
            if whileConnected, case .disconnected = state.phase {
                return .failure(BusError(.disconnected, "the connection is lost"))
            }
            guard size <= state.maximumPayload else {
                return .failure(BusError(.limit, "a message of \(size) bytes is more than the \(state.maximumPayload) the server takes"))
            }
            guard state.pending < maximumPending else {
                return .failure(BusError(.full, "\(state.pending) bytes wait to be sent already"))
            }
            FrameEncoder.publish(
                message.subject.description, reply: message.reply?.description, headers: message.headers, payload: message.payload,
                to: &state.sink)
            return .success((Self.markDirty(&state), state.connection))
        }
        let (loop, connection) = try result.get()
        write(on: loop)
        return connection
    }

    /// Appends a frame of the protocol, whatever waits already; dropped unless there is a connection or `always`.
    func append(always: Bool = false, _ encode: (inout FrameSink) -> Void) {
        let loop = state.withLock { state -> (any EventLoop)? in
            switch state.phase {
            case .closed: return nil
            case .disconnected where !always: return nil
            default: break
            }
            encode(&state.sink)
            return Self.markDirty(&state)
        }
        write(on: loop)
    }

    /// Appends a PING of the connection's own.
    func ping() {
        let loop = state.withLock { state -> (any EventLoop)? in
            FrameEncoder.ping(to: &state.sink)
            state.unsentPings.append(nil)
            return Self.markDirty(&state)
        }
        write(on: loop)
    }

    // MARK: - Connections

    /// Goes on with a new connection, on its event loop: first the subscriptions that are not among those it knows already.
    ///
    /// - Parameter isPlain: Whether its pipeline writes bytes as they are.
    func connect(_ channel: any Channel, isPlain: Bool, _ subscriptions: SubscriptionTable, except known: Set<Int>, maximumPayload: Int) {
        let link = Link(channel: channel, socket: isPlain ? DirectSocket(channel) : nil)
        state.withLock { state in
            guard case .disconnected = state.phase else { return }
            var sink = FrameSink()
            // Within the lock: who subscribes and finds no connection here has put itself into the table before.
            subscriptions.write(except: known, to: &sink)
            sink.buffer.writeImmutableBuffer(state.sink.buffer)
            state.sink = sink
            state.phase = .connected(link)
            state.maximumPayload = maximumPayload
            state.isDirty = true
        }
        write()
    }

    func setMaximumPayload(_ size: Int) {
        state.withLock { $0.maximumPayload = size }
    }

    /// The connection is gone, and with it what was written and not answered.
    func disconnect() {
        let (failed, writers) = state.withLock { state -> ([Flush], [CheckedContinuation<Void, Never>]) in
            // Otherwise it was left, or all is closed.
            if case .connected = state.phase { state.endConnection() }
            defer { state.sentPings = [] }
            let failed = state.sentPings.compactMap { $0 }.compactMap { state.flushes.removeValue(forKey: $0) }
            // With nothing left to be written, no end of a write would tell them.
            return (failed, state.takeWriters(maximumPending))
        }
        for flush in failed { flush.end.resume(throwing: BusError(.disconnected, "the connection was lost during the flush")) }
        for writer in writers { writer.resume() }
    }

    /// Gives all that waits to the connection, however much it has to write already, and is done with it: what is appended from now on
    /// is for the next one. On its event loop.
    ///
    /// The last thing is a PING: the server has seen everything once ``awaitsPongs`` is false.
    ///
    /// - Returns: The number of the next one.
    func leave() -> Int {
        let (last, writers, next) = state.withLock { state -> ((any Channel, ByteBuffer)?, [CheckedContinuation<Void, Never>], Int) in
            guard case .connected(let link) = state.phase else { return (nil, [], state.connection) }
            FrameEncoder.ping(to: &state.sink)
            state.unsentPings.append(nil)
            let bytes = state.takeSink()
            state.endConnection()
            return ((link.channel, bytes), state.takeWriters(maximumPending), state.connection)
        }
        if let (channel, bytes) = last { channel.writeAndFlush(bytes, promise: nil) }
        for writer in writers { writer.resume() }
        return next
    }

    /// Whether PINGs were given to the connection that have no PONG yet.
    var awaitsPongs: Bool { state.withLock { !$0.sentPings.isEmpty } }

    func close() {
        let (flushes, writers) = state.withLock { state in
            state.phase = .closed
            state.sink = FrameSink()
            state.inFlight = 0
            defer {
                state.flushes = [:]
                state.writers = [:]
            }
            return (state.flushes.values, state.writers.values)
        }
        for flush in flushes { flush.end.resume(throwing: BusError(.closed, "the client was closed during the flush")) }
        for writer in writers { writer.resume() }
    }

    // MARK: - Writing

    /// The event loop to be asked to write, if nobody has asked it yet.
    static func markDirty(_ state: inout State) -> (any EventLoop)? {
        guard !state.isDirty, case .connected(let link) = state.phase else { return nil }
        state.isDirty = true
        return link.channel.eventLoop
    }

    func write(on loop: (any EventLoop)?) {
        loop?.execute { self.write() }
    }

    /// On the connection's event loop.
    func write() {
        guard let (link, bytes, connection) = state.withLock({ nextWrite(&$0) }) else { return }
        guard link.isClear, link.channel.isActive, let socket = link.socket else {
            return write(bytes, of: bytes, to: link.channel, connection)
        }
        if let rest = socket.write([bytes]).first { return write(rest, of: bytes, to: link.channel, connection) }
        wrote(bytes, connection)
    }

    private func nextWrite(_ state: inout State) -> (Link, ByteBuffer, Int)? {
        // What was asked for an earlier connection may be done on the event loop of that one.
        guard case .connected(let link) = state.phase, link.channel.eventLoop.inEventLoop else { return nil }
        state.isDirty = false
        guard state.inFlight == 0, state.sink.buffer.readableBytes > 0 else { return nil }
        let bytes = state.takeSink()
        state.inFlight = bytes.readableBytes
        return (link, bytes, state.connection)
    }

    /// Lets the channel write, which waits until the system takes everything.
    private func write(_ rest: ByteBuffer, of bytes: ByteBuffer, to channel: any Channel, _ connection: Int) {
        channel.writeAndFlush(rest).whenSuccess { self.wrote(bytes, connection) }
    }

    private func wrote(_ bytes: ByteBuffer, _ connection: Int) {
        let (loop, writers) = state.withLock { state -> ((any EventLoop)?, [CheckedContinuation<Void, Never>]) in
            guard state.connection == connection, case .connected(var link) = state.phase else { return (nil, []) }
            state.inFlight = 0
            if !link.isClear {
                link.isClear = true
                state.phase = .connected(link)
            }
            if bytes.capacity <= 1 << 20 { state.spare = bytes }
            return (state.pending > 0 ? Self.markDirty(&state) : nil, state.takeWriters(maximumPending))
        }
        for writer in writers { writer.resume() }
        // Not at once: the event loop has others to serve.
        write(on: loop)
    }
}
