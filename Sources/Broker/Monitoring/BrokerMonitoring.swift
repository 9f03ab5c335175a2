public import RivuletSubscriptions
import RivuletWire
import Synchronization

// What the broker tells about itself. All of it may be called at any time from any thread: no event loop is asked or waited for, and
// each connection's lock is held for a few instructions.
extension Broker {
    /// What the broker is doing.
    public enum Status: Sendable, Hashable {
        /// It does not listen yet.
        case idle
        /// It takes connections.
        case listening(Address)
        /// It lets clients leave, and takes no new ones.
        case draining
        /// It was shut down.
        case closed
    }

    /// The nats-server level whose protocol it speaks, as in INFO.
    public var protocolVersion: String { ServerInfo.protocolVersion }

    /// The name that clients see.
    public var serverName: String { configuration.serverName.isEmpty ? serverID : configuration.serverName }

    /// Whether clients have to log in, now.
    public var requiresLogin: Bool { !router.gate.authenticator.isOpen }

    /// The connections there are, in no order.
    public func connections() -> [ConnectionSnapshot] {
        registry.all().map { Self.snapshot($0) }
    }

    /// One connection; nil if there is none with this number.
    public func connection(_ id: Int) -> ConnectionSnapshot? {
        registry.outbox(id).map { Self.snapshot($0) }
    }

    /// The subscriptions of a connection, by the client's names for them; empty if there is no such connection.
    public func subscriptions(of id: Int) -> [SubscriptionSnapshot] {
        guard let outbox = registry.outbox(id) else { return [] }
        return Self.sorted(outbox).map { SubscriptionSnapshot($0, connection: id) }
    }

    /// A part of all subscriptions: those of connections in the order of their numbers, then those of the process.
    ///
    /// - Parameters:
    ///   - subject: Only those that get messages to this subject; nil for all.
    ///   - offset: How many are left out.
    ///   - limit: Most that are returned.
    /// - Returns: How many there are in all, and the part.
    public func subscriptions(
        matching subject: Subject? = nil, offset: Int, limit: Int
    ) -> (total: Int, part: [SubscriptionSnapshot]) {
        var total = 0
        var part: [SubscriptionSnapshot] = []
        func take(_ subscriber: Subscriber, _ connection: Int?) {
            if let subject, !subscriber.pattern.matches(subject) { return }
            if total >= offset, part.count < limit { part.append(SubscriptionSnapshot(subscriber, connection: connection)) }
            total += 1
        }
        for outbox in registry.all().sorted(by: { $0.id < $1.id }) {
            let count = outbox.record.subscriptions.count
            if subject == nil, total + count <= offset || part.count >= limit {
                total += count
            } else {
                for subscriber in Self.sorted(outbox) { take(subscriber, outbox.id) }
            }
        }
        let own = router.processSubscribers.withLock { Array($0.values) }
        for subscriber in own.sorted(by: { $0.pattern.description < $1.pattern.description }) { take(subscriber, nil) }
        return (total, part)
    }

    private static func snapshot(_ outbox: Outbox) -> ConnectionSnapshot {
        var snapshot = outbox.record.snapshot(id: outbox.id)
        outbox.state.withLock { state in
            snapshot.pendingBytes = state.pending
            snapshot.outMessages = state.outMessages
            snapshot.outBytes = state.outBytes
        }
        return snapshot
    }

    /// Clients number their subscriptions, so shorter names come first.
    private static func sorted(_ outbox: Outbox) -> [Subscriber] {
        outbox.record.subscriptions.all.sorted { left, right in
            left.key.count == right.key.count ? left.key.lexicographicallyPrecedes(right.key) : left.key.count < right.key.count
        }.map(\.value)
    }
}
