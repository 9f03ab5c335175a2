import RivuletSubscriptions
import Synchronization

extension Broker {
    /// Makes the broker one of several that act as one. It tells `peers` of all subscriptions there are, and from now on of every change.
    ///
    /// - Parameter node: A name that no other node has or had.
    /// - Returns: What brings the others' messages to this node's subscribers.
    public func join(_ peers: any BrokerPeers, as node: String) -> PeerReceiver {
        let link = PeerLink(peers, as: node, permissions: router.permissions)
        router.interest.connect(to: link)
        return PeerReceiver(self, link)
    }

    /// Makes it one by itself again: forgets the others, and what they want.
    public func leavePeers() {
        router.interest.disconnect()
    }

    /// Changes what another node wants. Without effect outside a cluster.
    public func change(_ node: String, adding added: [SubscribedPattern], removing removed: [SubscribedPattern]) {
        router.interest.change(SubjectToken.encode(node), adding: added, removing: removed)
    }

    /// Counts messages for other nodes that were taken and could not be sent.
    public func noteUnsent(messages: Int) {
        router.counters.relayedDropped.wrappingAdd(messages, ordering: .relaxed)
    }
}

/// Brings what other nodes send to the subscribers of a broker. For one task at a time.
public final class PeerReceiver: Sendable {
    private let broker: Broker
    private let reader: Mutex<PeerReader>

    init(_ broker: Broker, _ peers: PeerLink) {
        self.broker = broker
        reader = Mutex(PeerReader(broker.router, peers))
    }

    /// Delivers frames that the peers of another node's broker were handed. Pauses now and then while a connection is behind.
    ///
    /// - Returns: Whether all of it were frames; what comes after something else is not delivered.
    @discardableResult
    public func deliver(_ frames: [UInt8]) async -> Bool {
        var offset = 0
        while offset < frames.count {
            var batch = DeliveryBatch()
            let next = reader.withLock { reader in reader.deliver(frames.span, from: offset, into: &batch) }
            broker.router.counters.add(relayed: &batch.traffic)
            broker.send(batch)
            guard let next else { return false }
            offset = next
            if let congested = batch.congested { await broker.pause(for: congested) } else { await Task.yield() }
        }
        return true
    }
}
