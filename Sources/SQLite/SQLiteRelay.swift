public import RivuletBackbone
public import RivuletSubscriptions

extension SQLiteBackbone: Relay {
    /// Hands a batch to all listeners but the sender's own.
    public func send(_ frames: [UInt8], from node: String) async throws(StoreError) {
        let clock = clock
        try await writeForCluster("relay through") { db in
            let now = clock.now()
            try RelayTable.add(frames, from: node, at: now, db)
            // More than came, so that old ones go though nobody else drops them.
            try RelayTable.dropOld(atMost: 4, at: now, db)
        }
    }

    /// The batches other nodes send from now on. The sequence ends with ``StoreError`` when batches were dropped before they were read.
    public func batches(for node: String) async throws(StoreError) -> BoundedChannel<[UInt8]> {
        let head = try await read("listen to") { db in try RelayTable.head(db) }
        return try watch.addListener(node, after: head)
    }
}
