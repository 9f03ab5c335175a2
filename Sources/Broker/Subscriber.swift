import RivuletSubscriptions
import Synchronization

/// One subscription: who gets the messages, and after how many it ends.
final class Subscriber: Sendable {
    enum Target: Sendable {
        case connection(Outbox)
        case handler(@Sendable (BusMessage) -> Void)
        /// Somebody on another node.
        case peer(PeerLink)
    }

    let target: Target
    /// The client's name for it and the blank that follows in a MSG line; empty for a handler; for a peer the tokens that direct a
    /// message to it.
    let sid: [UInt8]
    /// What the connection's client may do; nil for a handler.
    let access: Access?
    /// What is subscribed to.
    let pattern: SubjectPattern
    let queue: String?
    /// Messages delivered. A connection's is changed under its outbox's lock only, so that it is exact.
    let delivered = Atomic(0)
    /// Messages after which it ends; 0 for never, negative if it has ended. Changed like `delivered`.
    let maximum = Atomic(0)
    /// Its place in the interest index, while it has one.
    private let entry = Mutex<InterestIndex<Subscriber>.Entry?>(nil)
    /// Whether it has one. For a glance before each message.
    private let hasEntry = Atomic(false)

    init(_ outbox: Outbox, _ access: Access, sid: [UInt8], _ pattern: SubjectPattern, queue: String?) {
        target = .connection(outbox)
        self.access = access
        self.sid = sid + [0x20]
        self.pattern = pattern
        self.queue = queue
    }

    init(_ pattern: SubjectPattern, queue: String?, _ handler: @escaping @Sendable (BusMessage) -> Void) {
        target = .handler(handler)
        sid = []
        access = nil
        self.pattern = pattern
        self.queue = queue
    }

    /// Those of another node with this pattern.
    init(_ peers: PeerLink, of node: String, _ wanted: SubscribedPattern) {
        target = .peer(peers)
        sid = wanted.queue.map { PeerEnvelope.direction(to: node, queue: $0) } ?? []
        access = nil
        pattern = wanted.pattern
        queue = wanted.queue
    }

    var party: Party {
        if let access { .network(access) } else { .process }
    }

    /// Whether it has not ended.
    var isActive: Bool { hasEntry.load(ordering: .acquiring) }

    /// It has got its place in the interest index.
    func begin(at place: InterestIndex<Subscriber>.Entry) {
        entry.withLock { $0 = place }
        hasEntry.store(true, ordering: .releasing)
    }

    /// Takes its place in the interest index from it, if it has one.
    func end() -> InterestIndex<Subscriber>.Entry? {
        hasEntry.store(false, ordering: .releasing)
        return entry.withLock { entry in
            defer { entry = nil }
            return entry
        }
    }

    /// Whether it belongs to the connection with this outbox.
    func belongs(to outbox: Outbox) -> Bool {
        switch target {
        case .connection(let own): own === outbox
        case .handler, .peer: false
        }
    }
}
