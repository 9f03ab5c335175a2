public import RivuletSubscriptions

/// How batches of non-durable messages reach the other nodes.
public protocol Relay: Sendable {
    /// Hands a batch of encoded frames to all other nodes that listen now. At most once each; order per sender is kept.
    ///
    /// - Throws: ``StoreError``.
    func send(_ frames: [UInt8], from node: String) async throws(StoreError)

    /// The batches other nodes send from now on. A reader that falls far behind is told by the end of the sequence.
    ///
    /// - Throws: ``StoreError``.
    func batches(for node: String) async throws(StoreError) -> BoundedChannel<[UInt8]>
}
