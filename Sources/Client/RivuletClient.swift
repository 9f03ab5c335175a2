public import RivuletContract
public import RivuletSubscriptions
public import RivuletWire
import Synchronization

/// A connection to a Rivulet node, or to any NATS server, that is made anew when it breaks.
///
/// While there is no connection, what is published waits, up to ``ClientConfiguration/maximumPending`` bytes, and is sent by the next
/// one; subscriptions stay. Requests under way when the connection breaks fail at once with ``BusError`` `disconnected` (calls to
/// objects with ``CallError`` 503): whether they were handled is not known, and nothing is sent twice by itself. Retry with a message
/// id where twice would be wrong. What was being written at that moment may be lost, as the protocol has no acknowledgements.
///
/// Calls to objects may go over more connections, straight to the nodes that own them: ``ClientConfiguration/followsOwners``. When one of
/// those breaks, requests under way on it fail in the same way, what was not written to it is lost, and the next ones go over the main one.
///
/// Close it, or use ``withRivuletClient(_:configuration:_:)``.
public final class RivuletClient: InterruptibleBus, EventFollowing {
    /// What the client was made with.
    public let configuration: ClientConfiguration
    let core: ClientCore
    let requester: Requester
    let statuses: StatusBroadcast
    let supervisor: Task<Void, Never>
    /// Nil if owners are not followed.
    let owners: OwnerCarrier?
    /// What applications read as sequences, for waiting until they have when draining.
    let channels = Mutex<[Int: WeakChannel]>([:])

    struct WeakChannel: Sendable {
        weak let channel: BoundedChannel<BusMessage>?
    }

    /// What the server said against a subscription.
    private final class Refusal: Sendable {
        let error = Mutex<BusError?>(nil)
    }

    private init(
        _ core: ClientCore, _ requester: Requester, _ statuses: StatusBroadcast, _ owners: OwnerCarrier?, _ supervisor: Task<Void, Never>
    ) {
        configuration = core.configuration
        self.core = core
        self.requester = requester
        self.statuses = statuses
        self.owners = owners
        self.supervisor = supervisor
    }

    deinit {
        core.beginClosing()
        supervisor.cancel()
    }

    /// Connects to the first of these servers that can be reached.
    ///
    /// - Parameter urls: `nats://host:port`, `host:port` or `host`; none for `nats://localhost:4222`.
    /// - Throws: ``ClientError`` that says why each of them cannot be reached.
    public static func connect(
        _ urls: String..., configuration: ClientConfiguration = ClientConfiguration()
    ) async throws(ClientError) -> RivuletClient {
        try await connect(urls, configuration: configuration)
    }

    /// Connects to the first of these servers that can be reached.
    ///
    /// - Throws: ``ClientError`` that says why each of them cannot be reached.
    public static func connect(
        _ urls: [String], configuration: ClientConfiguration = ClientConfiguration()
    ) async throws(ClientError) -> RivuletClient {
        var addresses: [ServerAddress] = []
        for url in urls.isEmpty ? ["nats://localhost:4222"] : urls { addresses.append(try ServerAddress(parsing: url)) }
        return try await connect(to: addresses, configuration: configuration)
    }

    static func connect(to addresses: [ServerAddress], configuration: ClientConfiguration) async throws(ClientError) -> RivuletClient {
        let core = ClientCore(configuration, ServerPool(addresses))
        let statuses = StatusBroadcast(.reconnecting(round: 0))
        let requester = Requester(bus: core, time: core.time) { message throws(BusError) in try core.outbox.append(message) }
        let connector = Connector(core: core, requester: requester, statuses: statuses)
        let first = try await connector.connect(after: nil, isFirst: true)
        statuses.send(.connected(first.address))
        let owners = configuration.followsOwners ? OwnerCarrier(core: core, requester: requester) : nil
        let supervisor = Supervisor(core: core, requester: requester, connector: connector, statuses: statuses, owners: owners)
        return RivuletClient(core, requester, statuses, owners, Task { await supervisor.run(first) })
    }

    // MARK: - Status

    /// Whether there is a connection now.
    public var isConnected: Bool { core.outbox.isConnected }

    /// How the connection stands, then what happens to it; ends with `closed`. Each use is a sequence of its own.
    public var status: AsyncStream<ClientStatus> { statuses.listen() }

    // MARK: - Publishing

    /// Hands a message over without waiting; it is sent soon, in order.
    ///
    /// - Throws: ``BusError`` `full` when too much waits to be sent, `limit` when the message is larger or its subject longer than servers
    ///   take, `closed`.
    public func publish(_ message: BusMessage) throws(BusError) {
        guard core.tracing.isOn else { return try core.publish(message) }
        var message = message
        let span = core.tracing.begin(.publish(message.subject), sending: &message.headers)
        do throws(BusError) {
            try core.publish(message)
            span?.end()
        } catch {
            span?.end(with: error)
            throw error
        }
    }

    /// Publishes a message; waits while too much is waiting to be sent already.
    ///
    /// - Throws: ``SubjectError``, ``BusError``, or `CancellationError`.
    public func publish(
        _ payload: [UInt8], to subject: String, reply: String? = nil, headers: Headers = Headers()
    ) async throws {
        var message = BusMessage(
            subject: try Subject(subject), reply: try reply.map { try Subject($0) }, headers: headers, payload: payload)
        let span = core.tracing.begin(.publish(message.subject), sending: &message.headers)
        do {
            try await publishOnceThereIsRoom(message)
            span?.end()
        } catch {
            span?.end(with: error)
            throw error
        }
    }

    private func publishOnceThereIsRoom(_ message: BusMessage) async throws {
        while true {
            do throws(BusError) {
                return try core.publish(message)
            } catch {
                guard error.code == .full else { throw error }
            }
            try await core.outbox.waitForRoom()
        }
    }

    /// Waits until the server has taken everything that was published and subscribed before.
    ///
    /// - Parameter timeout: How long at most; nil for ``ClientConfiguration/requestTimeout``.
    /// - Throws: ``BusError`` `timeout`, `disconnected` or `closed`; `CancellationError`.
    public func flush(timeout: Duration? = nil) async throws {
        try await core.outbox.flush(deadline: core.time.now + (timeout ?? configuration.requestTimeout), core.time)
    }

    // MARK: - Subscribing

    /// Calls `receive` for every message that matches, on the connection's event loop: it must return at once.
    ///
    /// - Throws: ``BusError`` `closed`, `limit` when the subject is longer than servers take, or `forbidden` when the queue group's name
    ///   is empty or holds white space or control characters.
    public func attach(
        _ pattern: SubjectPattern, queue: String?, _ receive: @escaping @Sendable (BusMessage) -> Void
    ) throws(BusError) -> Attachment {
        let sid = core.subscriptions.reserve()
        try core.subscribe(SubscriptionTable.Entry(pattern: pattern, queue: queue, drains: true, receive: receive), sid: sid)
        return Attachment { [core] in core.unsubscribe(sid) }
    }

    /// Subscribes, for reading as a sequence, and waits until the server has confirmed.
    ///
    /// The sequence ends when it is cancelled, or the client drains or closes. It survives broken connections; what others published
    /// meanwhile is missed.
    ///
    /// - Throws: ``SubjectError``; ``BusError`` `closed`, `forbidden`, `limit`, or `timeout` when there is no connection for too long. When
    ///   a server refuses a subscription as one too many it does not say which: all that wait for their confirmation then fail.
    public func subscribe(_ pattern: String, _ options: SubscriptionOptions = SubscriptionOptions()) async throws -> Subscription {
        try await subscribe(SubjectPattern(pattern), options)
    }

    /// Subscribes, for reading as a sequence, and waits until the server has confirmed.
    public func subscribe(
        _ pattern: SubjectPattern, _ options: SubscriptionOptions = SubscriptionOptions()
    ) async throws -> Subscription {
        let sid = core.subscriptions.reserve()
        let channel = BoundedChannel<BusMessage>(capacity: options.capacity, whenFull: options.whenFull) { [weak core] in
            core?.unsubscribe(sid)
        }
        let refusal = Refusal()
        let entry = SubscriptionTable.Entry(
            pattern: pattern, queue: options.queue, drains: true, awaitsConfirmation: true,
            receive: { [weak channel] in channel?.send($0) },
            ended: { [weak channel] error in
                refusal.error.withLock { $0 = error }
                channel?.finish(throwing: error)
            })
        try core.subscribe(entry, sid: sid)
        do {
            try await confirm(sid)
            if let error = refusal.error.withLock({ $0 }) { throw error }
        } catch {
            channel.finish()
            throw error
        }
        channels.withLock { channels in
            channels = channels.filter { $0.value.channel != nil }
            channels[sid] = WeakChannel(channel: channel)
        }
        return Subscription(channel)
    }

    /// Calls `change` when the connection was broken and is restored, and when the client closes.
    public func observe(_ change: @escaping @Sendable (BusInterruption) -> Void) -> Attachment {
        core.observe(change)
    }

    private func confirm(_ sid: Int) async throws {
        let deadline = core.time.now + configuration.requestTimeout
        while true {
            do {
                // Where the PONG is read: a refusal that comes after it is of another subscription.
                return try await core.outbox.flush(deadline: deadline, core.time) { [core] in core.subscriptions.confirm(sid) }
            } catch let error as BusError where error.code == .disconnected {
                // The next connection subscribes again, and may confirm that.
            }
        }
    }
}
