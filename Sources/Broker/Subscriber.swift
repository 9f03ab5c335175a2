import RivuletSubscriptions
import Synchronization

/// One subscription: who gets the messages, and after how many it ends.
final class Subscriber: Sendable {
    enum Target: Sendable {
        case connection(Outbox)
        case handler(@Sendable (BusMessage) -> Void)
    }

    let target: Target
    /// The client's name for it and the blank that follows in a MSG line; empty for a handler.
    let sid: [UInt8]
    /// Messages delivered. A connection's is changed under its outbox's lock only, so that it is exact.
    let delivered = Atomic(0)
    /// Messages after which it ends; 0 for never. Changed like `delivered`.
    let maximum = Atomic(0)
    /// Its place in the interest index, while it has one.
    let entry = Mutex<InterestIndex<Subscriber>.Entry?>(nil)

    init(_ outbox: Outbox, sid: [UInt8]) {
        target = .connection(outbox)
        self.sid = sid + [0x20]
    }

    init(_ handler: @escaping @Sendable (BusMessage) -> Void) {
        target = .handler(handler)
        sid = []
    }

    var party: Party {
        switch target {
        case .connection: .network
        case .handler: .process
        }
    }

    /// Whether it has not ended.
    var isActive: Bool { entry.withLock { $0 != nil } }

    /// Whether it belongs to the connection with this outbox.
    func belongs(to outbox: Outbox) -> Bool {
        switch target {
        case .connection(let own): own === outbox
        case .handler: false
        }
    }
}
