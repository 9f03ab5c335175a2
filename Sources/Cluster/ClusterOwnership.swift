public import RivuletBackbone
public import RivuletContract
public import RivuletObjects
public import RivuletSubscriptions
import Synchronization

/// Which node runs which object, by the cluster's directory: the one that was called first, as long as it lives.
public final class ClusterOwnership: ObjectOwnership {
    /// How many owners are looked for again at a time.
    private static let concurrentRetries = 16

    private let directory: any Directory
    private let keeper: LeaseKeeper
    private let links: NodeLinks
    private let bus: any MessageBus
    private let configuration: ClusterConfiguration
    private let time: any TimeSource
    private let owners: OwnerCache
    private let retries: Retries
    private let host = Mutex<(@Sendable (BusMessage) -> Void)?>(nil)
    private let isLeaving = Atomic(false)
    private let forwarded = Atomic<Int>(0)
    private let failed = Atomic<Int>(0)

    /// The ownership of the keeper's node.
    ///
    /// - Parameter bus: Where those are answered whose messages no node takes.
    public init(
        directory: any Directory, keeper: LeaseKeeper, links: NodeLinks, bus: any MessageBus,
        configuration: ClusterConfiguration = ClusterConfiguration(), time: any TimeSource = SystemTime()
    ) {
        self.directory = directory
        self.keeper = keeper
        self.links = links
        self.bus = bus
        self.configuration = configuration
        self.time = time
        owners = OwnerCache(limit: configuration.rememberedOwners)
        retries = Retries(limit: configuration.linkCapacity, time: time)
    }

    /// Whether the node's lease can be relied on.
    public var isServing: Bool { keeper.lease != nil }

    /// How many messages were handed on to other nodes, and how many of these were answered by an error since no node took them.
    public var statistics: (forwarded: Int, failed: Int) {
        (forwarded.load(ordering: .relaxed), failed.load(ordering: .relaxed))
    }

    /// Tries again what no node has handled, until the task is cancelled.
    public func run() async {
        await withTaskGroup(of: Void.self) { group in
            var running = 0
            do {
                for try await object in retries.due {
                    if running == Self.concurrentRetries { await group.next() } else { running += 1 }
                    group.addTask { await self.tryAgain(object) }
                }
            } catch {
                // It ends without an error.
            }
        }
        for parcel in retries.takeAll() { fail(parcel) }
    }

    /// The node is about to leave, which frees all that it owns: nothing has to be given up one by one any more.
    public func prepareToLeave() {
        isLeaving.store(true, ordering: .relaxed)
    }

    /// Forgets a node that is gone: what it owned is looked for anew, and nobody waits for its answers.
    public func forget(node: String) {
        owners.forget(node: node)
        links.close(node)
    }

    /// Where messages go that are for this node after all.
    public func handBack(to receive: @escaping @Sendable (BusMessage) -> Void) {
        host.withLock { $0 = receive }
    }

    /// Who was last heard to own the object.
    public func knownOwner(of object: ObjectID) -> String? { owners[object] }

    /// Asks the directory.
    public func claim(_ object: ObjectID) async throws(CallError) -> ObjectClaim {
        guard let lease = keeper.lease else {
            throw CallError(.unavailable, "this node has lost its place in the cluster; ask again")
        }
        do throws(StoreError) {
            let ownership = try await directory.claim(object, for: lease)
            if ownership.node == lease.node { return .here(epoch: ownership.epoch) }
            owners.remember(ownership.node, of: object)
            return .elsewhere(node: ownership.node)
        } catch {
            throw CallError(.unavailable, "cannot find out who has \(object): \(error.message)")
        }
    }

    /// Lets others have the object. If that cannot be told, they have to wait until the lease has ended.
    public func release(_ object: ObjectID, epoch: UInt64) async {
        guard !isLeaving.load(ordering: .relaxed) else { return }
        try? await directory.release(object, Ownership(node: keeper.node.name, epoch: epoch))
    }

    /// Sends the message to the node. While it is not known who has the object, messages for it wait for each other.
    public func forward(_ message: BusMessage, for object: ObjectID, to node: String) {
        let parcel = Parcel(message, for: object, at: time.now, patience: configuration.patience)
        if !retries.addBehindOthers(parcel) { handOn(parcel, to: node) }
    }

    private func handOn(_ parcel: Parcel, to node: String) {
        forwarded.wrappingAdd(1, ordering: .relaxed)
        links.forward(parcel.message(at: time.now), to: node) { [self] refusal in refused(parcel, refusal) }
    }

    /// The message has no answer. What may have been handled is tried again only where that does no harm.
    private func refused(_ parcel: Parcel, _ refusal: Refusal) {
        var parcel = parcel
        parcel.attempts += 1
        switch refusal {
        case .overloaded: fail(parcel, CallError(.overloaded, "too much waits for the node that has \(parcel.object)"))
        case .lost where !parcel.isIdempotent:
            owners.forget(parcel.object)
            fail(parcel)
        case .lost, .notHandled:
            if retries.add(parcel) { return }
            owners.forget(parcel.object)
            fail(parcel)
        }
    }

    private func tryAgain(_ object: ObjectID) async {
        do throws(CallError) {
            switch try await claim(object) {
            case .elsewhere(let node):
                for parcel in retries.take(object) { handOn(parcel, to: node) }
            case .here:
                owners.forget(object)
                let receive = host.withLock { $0 }
                for parcel in retries.take(object) { receive?(parcel.message(at: time.now)) }
            }
        } catch {
            for parcel in retries.postpone(object) { fail(parcel) }
        }
    }

    private func fail(_ parcel: Parcel, _ error: CallError? = nil) {
        failed.wrappingAdd(1, ordering: .relaxed)
        guard let reply = parcel.reply else { return }
        let error = error ?? CallError(.unavailable, "the node that has \(parcel.object) cannot be reached; ask again")
        try? bus.publish(BusMessage(subject: reply, headers: error.headers, payload: error.body))
    }
}
