public import RivuletBackbone
public import RivuletContract
public import RivuletObjects
public import RivuletSubscriptions
import Synchronization

/// Which node runs which object, by the cluster's directory: the one that its kind's placement chose, as long as it lives.
public final class ClusterOwnership: ObjectOwnership {
    /// How many owners are looked for again at a time. Should the store not answer, so many wait for it together, not after each other.
    private static let concurrentRetries = 256

    private let directory: any Directory
    private let keeper: LeaseKeeper
    private let links: NodeLinks
    private let bus: any MessageBus
    private let configuration: ClusterConfiguration
    private let time: any TimeSource
    private let owners: OwnerCache
    private let retries: Retries
    private let table: Mutex<PlacementTable>
    private let host = Mutex<(@Sendable (BusMessage) -> Void)?>(nil)
    private let lastNumber = Atomic<UInt64>(0)
    private let forwarded = Atomic<Int>(0)
    private let failed = Atomic<Int>(0)
    private let releases = Atomic(true)

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
        retries = Retries(limit: configuration.linkCapacity, byteLimit: configuration.linkByteCapacity, time: time)
        table = Mutex(PlacementTable(kinds: keeper.status.kinds.known))
    }

    /// Whether the node's lease can be relied on.
    public var isServing: Bool { keeper.lease != nil }

    /// The kinds of this node's program, and those that other nodes host or have hosted.
    public var kinds: Set<String> { table.withLock { $0.kinds } }

    /// Always.
    public var hasOtherNodes: Bool { true }

    /// How many messages were handed on to other nodes, and how many of these were answered by an error since no node took them.
    public var statistics: (forwarded: Int, failed: Int) {
        (forwarded.load(ordering: .relaxed), failed.load(ordering: .relaxed))
    }

    /// Tries again what no node has handled, until the task is cancelled.
    public func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask { await self.giveUpLate() }
            await tryAgain()
            group.cancelAll()
        }
        for parcel in retries.takeAll() { fail(parcel) }
    }

    private func tryAgain() async {
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
    }

    private func giveUpLate() async {
        do {
            for try await _ in retries.late {
                for parcel in retries.takeLate() {
                    let notFound = CallError(.unavailable, "could not find out in time who has \(parcel.object); ask again")
                    fail(parcel, choose(for: parcel.object.kind) == nil ? nobodyHosts(parcel.object) : notFound)
                }
            }
        } catch {
            // It ends without an error.
        }
    }

    /// The node is about to leave. It takes no more objects, but those that nobody else can have.
    public func prepareToLeave() {
        keeper.status.drain()
    }

    /// Takes note of the other nodes, as they are now.
    ///
    /// - Parameter suspected: The names of those that may be dead.
    public func see(_ others: [NodeDescription], suspected: Set<String> = []) {
        table.withLock { $0.see(others.filter { $0.name != keeper.node.name }, suspected: suspected) }
    }

    /// Forgets a node that is gone: what it owned is looked for anew, and nobody waits for its answers.
    public func forget(node: String) {
        links.close(node)
        // Last, so that nothing finds the node's objects free while what was sent there before has not come back.
        owners.forget(node: node)
    }

    /// The host takes calls from now on.
    public func begin(handingBackTo receive: @escaping @Sendable (BusMessage) -> Void, activeCount: @escaping @Sendable () -> Int) {
        host.withLock { $0 = receive }
        keeper.status.count(activeCount)
    }

    /// Who was last heard to own the object.
    public func knownOwner(of object: ObjectID) -> String? { owners[object] }

    /// Whether messages for the object wait.
    public func isLookedFor(_ object: ObjectID) -> Bool { retries.hold(object) }

    /// Chooses a node and asks the directory.
    public func claim(_ object: ObjectID, isHandedOn: Bool) async throws(CallError) -> ObjectClaim? {
        if isHandedOn { return try await take(object) }
        guard let claim = try await find(object) else { throw nobodyHosts(object) }
        return claim
    }

    private func nobodyHosts(_ object: ObjectID) -> CallError {
        CallError(.unavailable, "no node is there that hosts \(object.kind); ask again")
    }

    /// Where a message of this node goes: to whom has the object, or to the node that is chosen for it, which has it from then on. So all
    /// nodes that look at the same time find the same, and messages for it need not wait until it has answered. Nil when no node hosts its
    /// kind.
    private func find(_ object: ObjectID) async throws(CallError) -> ObjectClaim? {
        while let chosen = choose(for: object.kind) {
            if chosen == keeper.node.name { return try await claim(object) }
            guard
                let ownership = try await asking(object, { () async throws(StoreError) in try await directory.claim(object, for: chosen) })
            else {
                table.withLock { $0.forget(chosen) }
                continue
            }
            if ownership.node == keeper.node.name { return .here(epoch: ownership.epoch) }
            if ownership.node == chosen { table.withLock { $0.noteSent(to: chosen) } }
            owners.remember(ownership.node, of: object)
            return .elsewhere(node: ownership.node)
        }
        return nil
    }

    /// For a message that another node has handed on, so that the object is to be here; but a node that is about to leave gives it up if
    /// another can have it.
    private func take(_ object: ObjectID) async throws(CallError) -> ObjectClaim? {
        guard keeper.status.isDraining, choose(for: object.kind) != keeper.node.name else { return try await claim(object) }
        try await asking(object) { () async throws(StoreError) in
            guard let owner = try await directory.owner(of: object), owner.node == keeper.node.name else { return }
            try await directory.release(object, owner)
        }
        return nil
    }

    private func claim(_ object: ObjectID) async throws(CallError) -> ObjectClaim {
        guard let lease = keeper.lease else {
            throw CallError(.unavailable, "this node has lost its place in the cluster; ask again")
        }
        let ownership = try await asking(object) { () async throws(StoreError) in try await directory.claim(object, for: lease) }
        if ownership.node == lease.node { return .here(epoch: ownership.epoch) }
        owners.remember(ownership.node, of: object)
        return .elsewhere(node: ownership.node)
    }

    private func asking<Answer>(
        _ object: ObjectID, _ question: () async throws(StoreError) -> Answer
    ) async throws(CallError) -> Answer {
        do throws(StoreError) {
            return try await question()
        } catch {
            throw CallError(.unavailable, "cannot find out who has \(object): \(error.message)")
        }
    }

    /// Whom an object of the kind goes to if nobody has it.
    private func choose(for kind: String) -> String? {
        let (own, placement) = (keeper.present, keeper.status.kinds.placement(of: kind))
        var generator = SystemRandomNumberGenerator()
        return table.withLock { $0.choose(for: kind, by: placement, at: own, using: &generator) }
    }

    /// Lets others have the object. If that cannot be told, they have to wait until the lease has ended.
    public func release(_ object: ObjectID, epoch: UInt64) async {
        guard releases.load(ordering: .relaxed) else { return }
        try? await directory.release(object, Ownership(node: keeper.node.name, epoch: epoch))
    }

    /// Leaves it to ``LeaseKeeper/leave()`` to free what the node still owns, all at once.
    public func endReleasing() {
        releases.store(false, ordering: .relaxed)
    }

    /// Sends the message to the node. While it is not known who has the object, messages for it wait for each other.
    public func forward(_ message: BusMessage, for object: ObjectID, to node: String) {
        let parcel = makeParcel(message, for: object)
        switch retries.addBehindOthers(parcel) {
        case .kept: break
        case .noOthers: handOn(parcel, to: node)
        case .noRoom: failForRoom(parcel)
        }
    }

    /// Sends the message to the node that is known to have the object, or has it wait until one is found.
    public func forward(_ message: BusMessage, for object: ObjectID) {
        let parcel = makeParcel(message, for: object)
        switch retries.addBehindOthers(parcel) {
        case .kept: break
        case .noOthers:
            if let node = owners[object] { return handOn(parcel, to: node) }
            if !retries.add(parcel) { failForRoom(parcel) }
        case .noRoom: failForRoom(parcel)
        }
    }

    private func failForRoom(_ parcel: Parcel) {
        fail(parcel, CallError(.overloaded, "too much waits for other nodes"))
    }

    private func makeParcel(_ message: BusMessage, for object: ObjectID) -> Parcel {
        let number = lastNumber.wrappingAdd(1, ordering: .relaxed).newValue
        return Parcel(message, number, for: object, at: time.now, patience: configuration.patience)
    }

    private func handOn(_ parcel: Parcel, to node: String) {
        forwarded.wrappingAdd(1, ordering: .relaxed)
        links.forward(parcel.message(at: time.now), to: node) { [self] refusal in refused(parcel, by: node, refusal) }
    }

    /// The message has no answer. What may have been handled is tried again only where that does no harm.
    private func refused(_ parcel: Parcel, by node: String, _ refusal: Refusal) {
        var parcel = parcel
        parcel.attempts += 1
        table.withLock { $0.avoid(node) }
        switch refusal {
        case .overloaded: fail(parcel, CallError(.overloaded, "too much waits for the node that has \(parcel.object)"))
        case .tooLarge: fail(parcel, CallError(.undecodable, "the message is too large for the way to the node that has \(parcel.object)"))
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
        guard retries.hasAny(for: object) else { return }
        do throws(CallError) {
            switch try await find(object) {
            case .elsewhere(let node): retries.handOut(object) { handOn($0, to: node) }
            case .here:
                owners.forget(object)
                let receive = host.withLock { $0 }
                retries.handOut(object) { receive?($0.message(at: time.now)) }
            case nil: retries.postpone(object)
            }
        } catch {
            // Whoever waits has waited for the store as long as it may take, or would.
            for parcel in retries.takeAll(for: object) { fail(parcel, error) }
        }
    }

    private func fail(_ parcel: Parcel, _ error: CallError? = nil) {
        failed.wrappingAdd(1, ordering: .relaxed)
        guard let reply = parcel.reply else { return }
        let error = error ?? CallError(.unavailable, "the node that has \(parcel.object) cannot be reached; ask again")
        try? bus.publish(BusMessage(subject: reply, headers: error.headers, payload: error.body))
    }
}
