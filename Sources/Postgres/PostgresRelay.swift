public import RivuletBackbone
public import RivuletSubscriptions

extension PostgresBackbone: Relay {
    /// Hands a batch to all listeners but the sender's own. One whose fate is not known is not sent again.
    public func send(_ frames: [UInt8], from node: String) async throws(StoreError) {
        var parameters = Parameters()
        parameters.add(node)
        parameters.add(frames)
        parameters.add(StreamEpoch.make())
        try await call("relay through", again: false, statements.send, parameters) { _ in }
        doorbell.ring()
    }

    /// The batches other nodes send from now on. The sequence ends with ``StoreError`` when batches were dropped before they were read.
    public func batches(for node: String) async throws(StoreError) -> BoundedChannel<[UInt8]> {
        try await listener.add(node)
    }
}
