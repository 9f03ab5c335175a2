public import Logging
public import RivuletBackbone
public import RivuletBroker
import RivuletContract
public import RivuletSubscriptions
import Synchronization

/// Lets the brokers of the nodes that share a backbone act as one for messages that are not kept.
///
/// Each node tells the others what its clients and objects subscribe to. What others want leaves in batches: while one is on its way to
/// the backbone the next one collects, so a lone message waits for nothing. Messages are delivered at most once.
public final class ClusterRelay: Sendable {
    private struct Sending {
        var lastAnnouncement: Duration?
        var wake: ScheduledAction?
        var lastComplaint: Duration?
        /// Messages given up since it was logged last.
        var unsent = 0
    }

    private let node: String
    private let broker: Broker
    private let relay: any Relay
    private let configuration: RelayConfiguration
    private let time: any TimeSource
    private let logger: Logger
    private let outbox: RelayOutbox
    private let machine: Mutex<InterestMachine>
    private let sending = Mutex(Sending())
    /// Something is to be sent.
    private let wakes: BoundedChannel<Void>
    /// Ends when the node is ready.
    private let readiness = BoundedChannel<Void>(capacity: 1, whenFull: .dropNewest)

    /// A relay that does nothing until ``run()``.
    ///
    /// - Parameters:
    ///   - node: The node's name in the membership.
    ///   - broker: The node's own, which is in no other cluster.
    public init(
        _ node: String, broker: Broker, relay: any Relay, configuration: RelayConfiguration = RelayConfiguration(),
        time: any TimeSource = SystemTime(), logger: Logger
    ) {
        self.node = node
        self.broker = broker
        self.relay = relay
        self.configuration = configuration
        self.time = time
        self.logger = logger
        let wakes = BoundedChannel<Void>(capacity: 1, whenFull: .dropNewest)
        self.wakes = wakes
        outbox = RelayOutbox(configuration) { wakes.send(()) }
        machine = Mutex(
            InterestMachine(node, patterns: configuration.announcedPatterns, queuePatterns: configuration.announcedQueuePatterns))
    }

    /// Takes note of the other nodes, as they are now. To be told again and again, also of no change: then the others are told how far
    /// this one's announcements go, and asked for theirs that are missing.
    public func see(_ others: [NodeDescription]) {
        advance(.members(others.map(\.name)))
    }

    /// Relays until ``drain()``, or until the task is cancelled. Once.
    public func run() async {
        let receiver = broker.join(outbox, as: node)
        await withDiscardingTaskGroup { group in
            group.addTask { await self.listen(receiver) }
            await sendAll()
            group.cancelAll()
        }
        broker.leavePeers()
        readiness.finish()
    }

    /// Sends what waits, tells the others that this node leaves, and ends ``run()``. Messages from now on stay on this node.
    public func drain() {
        broker.leavePeers()
        outbox.end()
        wakes.finish()
    }

    /// Returns when this node knows what the others want, or when waiting for it takes too long. For one task.
    public func ready() async {
        let limit = time.schedule(at: time.now + configuration.readyTimeout) { [readiness] in readiness.finish() }
        var end = readiness.makeAsyncIterator()
        _ = try? await end.next()
        limit.cancel()
    }

    /// What each of the other nodes is known to want, coarser than it is if it is much. For monitoring.
    public var wantedElsewhere: [String: Set<SubscribedPattern>] { machine.withLock { $0.wantedElsewhere } }

    // MARK: - What the others want

    private func advance(_ event: InterestMachine.Event) {
        let isReady = machine.withLock { machine in
            // Under the lock, so that changes reach the broker in order.
            for action in machine.handle(event) { broker.change(action.node, adding: action.added, removing: action.removed) }
            return machine.isReady
        }
        if isReady { readiness.finish() }
        wakes.send(())
    }

    // MARK: - Receiving

    private func listen(_ receiver: PeerReceiver) async {
        while !Task.isCancelled {
            do {
                let batches = try await relay.batches(for: node)
                advance(.listening)
                for try await batch in batches { await receive(batch, receiver) }
            } catch {
                logger.warning("messages of other nodes were missed", metadata: ["node": "\(node)", "error": "\(error)"])
            }
            guard !Task.isCancelled else { return }
            await time.wait(until: time.now + configuration.retryPause)
        }
    }

    private func receive(_ batch: [UInt8], _ receiver: PeerReceiver) async {
        let isUnderstood: Bool
        if batch.first == UInt8(ascii: "{") {
            let announcement = try? JSONPayload.decode(Announcement.self, from: batch)
            if let announcement { advance(.received(announcement)) }
            isUnderstood = announcement != nil
        } else {
            isUnderstood = await receiver.deliver(batch)
        }
        if !isUnderstood { logger.warning("a batch of another node is not understood", metadata: ["bytes": "\(batch.count)"]) }
    }

    // MARK: - Sending

    private func sendAll() async {
        var wakes = wakes.makeAsyncIterator()
        repeat {
            while await sendNext() {}
        } while (try? await wakes.next()) != nil
        while await sendNext() {}
        await send(Announcement(kind: .bye, node: node))
    }

    /// Sends a batch, and before it what the messages' publishers have subscribed to before.
    ///
    /// - Returns: Whether there may be more.
    private func sendNext() async -> Bool {
        let batch = outbox.takeBatch()
        guard batch != nil || mayAnnounce() else { return false }
        let announcements = machine.withLock { machine in
            for (wanted, change) in outbox.takeCounts() { _ = machine.handle(.changed(wanted, by: change)) }
            return machine.takeAnnouncements()
        }
        if !announcements.isEmpty { sending.withLock { $0.lastAnnouncement = time.now } }
        for announcement in announcements { await send(announcement) }
        guard let batch else { return false }
        do {
            try await relay.send(batch.bytes, from: node)
        } catch {
            broker.noteUnsent(messages: batch.messages)
            complain(error, messages: batch.messages)
        }
        outbox.sent(batch)
        return true
    }

    /// Whether announcements may leave by themselves; if not, this is asked again when they may.
    private func mayAnnounce() -> Bool {
        let now = time.now
        return sending.withLock { sending in
            guard let last = sending.lastAnnouncement, now < last + configuration.announcementPause else { return true }
            if sending.wake == nil {
                sending.wake = time.schedule(at: last + configuration.announcementPause) { [weak self] in
                    self?.sending.withLock { $0.wake = nil }
                    self?.wakes.send(())
                }
            }
            return false
        }
    }

    private func send(_ announcement: Announcement) async {
        do {
            try await relay.send(try JSONPayload.encode(announcement), from: node)
        } catch {
            complain(error, messages: 0)
            machine.withLock { _ = $0.handle(.unsent(announcement)) }
        }
    }

    private func complain(_ error: any Error, messages: Int) {
        let now = time.now
        let unsent = sending.withLock { sending -> Int? in
            sending.unsent += messages
            if let last = sending.lastComplaint, now < last + .seconds(1) { return nil }
            sending.lastComplaint = now
            defer { sending.unsent = 0 }
            return sending.unsent
        }
        guard let unsent else { return }
        logger.warning("messages for other nodes are not sent", metadata: ["messages": "\(unsent)", "error": "\(error)"])
    }
}
