import Logging
public import RivuletBackbone
public import RivuletSubscriptions
import Synchronization

/// Keeps a node's lease: its claim to be alive, and to own objects.
///
/// The node knows by its own monotonic clock until when it may serve: some time before the lease can end on the store's, counted from
/// before the last renewal was sent. So it stops by itself when it cannot reach the store, or was itself stopped for a while.
public final class LeaseKeeper: Sendable {
    private struct State {
        var lease: NodeLease?
        var servesUntil = Duration.zero
        var hasLeft = false
    }

    /// The node.
    public let node: NodeDescription
    /// What it tells of itself with every sign of life.
    public let status: OwnStatus
    private let membership: any Membership
    private let configuration: ClusterConfiguration
    private let time: any TimeSource
    private let logger: Logger
    private let state = Mutex(State())

    /// A keeper for a node that has not joined yet.
    public init(
        _ node: NodeDescription, status: OwnStatus = OwnStatus(), membership: any Membership,
        configuration: ClusterConfiguration = ClusterConfiguration(), time: any TimeSource = SystemTime(), logger: Logger
    ) {
        self.node = node
        self.status = status
        self.membership = membership
        self.configuration = configuration
        self.time = time
        self.logger = logger
    }

    /// The lease, if it can be relied on now.
    public var lease: NodeLease? {
        state.withLock { time.now < $0.servesUntil ? $0.lease : nil }
    }

    /// The node as it is now.
    var present: NodeDescription {
        var node = node
        node.status = status.current
        return node
    }

    /// Enters the cluster.
    ///
    /// - Throws: ``StoreError``.
    public func join() async throws(StoreError) {
        let sent = time.now
        let lease = try await membership.join(present, timeToLive: configuration.timeToLive)
        let hasLeft = state.withLock { state in
            if !state.hasLeft { state = State(lease: lease, servesUntil: end(sent)) }
            return state.hasLeft
        }
        guard !hasLeft else { return try await membership.leave(lease) }
        logger.info("joined the cluster", metadata: ["node": "\(node.name)", "lease": "\(lease.number)"])
    }

    /// Gives signs of life until the task is cancelled, on a thread of their own. When the lease was lost it calls `onLoss` and enters
    /// anew.
    ///
    /// - Parameter onLoss: All that the node owned may be owned by others now.
    public func run(onLoss: @Sendable () -> Void) async {
        await withTaskExecutorPreference(HeartbeatQueue()) { await beat(onLoss) }
    }

    private func beat(_ onLoss: @Sendable () -> Void) async {
        while !Task.isCancelled {
            await time.wait(until: time.now + configuration.timeToLive / 3)
            guard !Task.isCancelled else { return }
            do throws(StoreError) {
                try await renew(onLoss)
            } catch {
                logger.warning("no sign of life could be given", metadata: ["node": "\(node.name)", "error": "\(error)"])
            }
        }
    }

    /// Leaves the cluster for good; what the node still owned is free.
    ///
    /// - Throws: ``StoreError``.
    public func leave() async throws(StoreError) {
        let lease = state.withLock { state in
            defer { state = State(hasLeft: true) }
            return state.lease
        }
        if let lease { try await membership.leave(lease) }
    }

    /// Gives a sign of life now, for what it tells; without effect when the node has no lease.
    ///
    /// - Throws: ``StoreError``.
    public func tell() async throws(StoreError) {
        let sent = time.now
        guard let lease = state.withLock({ $0.lease }) else { return }
        if try await membership.renew(lease, status: status.current) { extend(lease, from: sent) }
    }

    private func renew(_ onLoss: @Sendable () -> Void) async throws(StoreError) {
        let sent = time.now
        guard !state.withLock({ $0.hasLeft }) else { return }
        if let lease = state.withLock({ $0.lease }) {
            if try await membership.renew(lease, status: status.current) { return extend(lease, from: sent) }
            let isLost = state.withLock { state in
                guard state.lease == lease else { return false }
                state = State()
                return true
            }
            guard isLost else { return }
            logger.error("lost the place in the cluster", metadata: ["node": "\(node.name)", "lease": "\(lease.number)"])
            onLoss()
        }
        try await join()
    }

    private func extend(_ lease: NodeLease, from sent: Duration) {
        state.withLock { state in
            if state.lease == lease { state.servesUntil = end(sent) }
        }
    }

    private func end(_ sent: Duration) -> Duration {
        sent + configuration.timeToLive - configuration.margin
    }
}

extension TimeSource {
    /// Waits until then, or until the task is cancelled.
    func wait(until deadline: Duration) async {
        let alarm = BoundedChannel<Void>(capacity: 1, whenFull: .dropNewest)
        let action = schedule(at: deadline) { alarm.send(()) }
        var rings = alarm.makeAsyncIterator()
        _ = try? await rings.next()
        action.cancel()
    }
}
