public import RivuletBackbone
public import RivuletSubscriptions

extension PostgresBackbone: ObjectStore {
    /// What is stored of an object.
    ///
    /// - Throws: ``StoreError``; `incompatible` when the names are longer than an index of PostgreSQL holds.
    public func load(_ object: ObjectID) async throws(StoreError) -> StoredObject {
        var parameters = Parameters()
        try parameters.add(object)
        parameters.add(time.steadyTime.nanoseconds)
        return try await call("load \(object) from", statements.load, parameters) { rows in
            guard rows.count > 0 else { return StoredObject() }
            let replies = (0..<rows.count).filter { !rows.isNull($0, 3) }.map { row in
                StoredReply(
                    messageID: String(decoding: rows.blob(row, 3), as: UTF8.self), payload: rows.blob(row, 4),
                    expires: Timestamp(nanoseconds: rows.int64(row, 5)))
            }
            return StoredObject(
                state: rows.isNull(0, 2) ? nil : rows.blob(0, 2), version: rows.uint64(0, 0), ownerEpoch: rows.uint64(0, 1),
                replies: replies)
        }
    }

    /// Commits a batch in one transaction, which is one call of the server.
    public func commit(_ batch: [TurnCommit]) async throws(StoreError) -> [TurnOutcome] {
        guard !batch.isEmpty else { return [] }
        let outcomes = try await commit(batch, at: CommitMoment(wall: time.wallTime, steady: time.steadyTime))
        if batch.contains(where: { !$0.events.isEmpty }) {
            listener.ring()
            if !configuration.isExclusive { doorbell.ring() }
        }
        return outcomes
    }

    /// The thread on which commits wait for the database.
    public var commitExecutor: (any TaskExecutor)? { writers }
}

extension Parameters {
    /// Kind and id as they are stored.
    mutating func add(_ object: ObjectID) throws(StoreError) {
        let name = try StoredName(checking: object)
        add(name.kind)
        add(name.id)
    }
}
