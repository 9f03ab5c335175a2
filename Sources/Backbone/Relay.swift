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

extension BoundedChannel<[UInt8]> {
    /// The batches of a relay that wait for one of its listeners. It ends when they are more than 4,096, or 256 MiB.
    package static func relayed(onEnd: @escaping @Sendable () -> Void) -> BoundedChannel<[UInt8]> {
        BoundedChannel(capacity: 4096, byteCapacity: 256 << 20, size: \.count, whenFull: .fail, onEnd: onEnd)
    }
}
