public import RivuletSubscriptions
import Synchronization

extension InMemoryBackbone: Relay {
    /// Hands a batch to all listeners but the sender's own.
    public func send(_ frames: [UInt8], from node: String) async throws(StoreError) {
        let others = listeners.withLock { listeners in
            listeners.byNumber.sorted { $0.key < $1.key }.compactMap { $0.value.node == node ? nil : $0.value.batches }
        }
        // Outside the lock: a channel that overflows calls back to be removed.
        for batches in others { batches.send(frames) }
    }

    /// The batches other nodes send from now on.
    public func batches(for node: String) async throws(StoreError) -> BoundedChannel<[UInt8]> {
        let number = listeners.withLock { listeners in
            listeners.last += 1
            return listeners.last
        }
        let batches = BoundedChannel.relayed { [weak self] in
            _ = self?.listeners.withLock { $0.byNumber.removeValue(forKey: number) }
        }
        listeners.withLock { $0.byNumber[number] = Listener(node: node, batches: batches) }
        return batches
    }
}
