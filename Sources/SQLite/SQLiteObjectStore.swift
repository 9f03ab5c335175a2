import GRDB
public import RivuletBackbone
public import RivuletSubscriptions

extension SQLiteBackbone: ObjectStore {
    /// What is stored of an object.
    public func load(_ object: ObjectID) async throws(StoreError) -> StoredObject {
        let now = time.steadyTime
        return try await read("load \(object) from") { db in
            let select = try db.cachedStatement(
                sql: "SELECT number, version, owner_epoch, state FROM objects WHERE kind = ? AND id = ?")
            let rows = try Row.fetchCursor(select, arguments: [SubjectToken.encode(object.kind), SubjectToken.encode(object.id)])
            guard let row = try rows.next() else { return StoredObject() }
            return StoredObject(
                state: try row.withUnsafeData(atIndex: 3) { $0.map { Array($0) } },
                version: UInt64(clamping: row[1] as Int64), ownerEpoch: UInt64(clamping: row[2] as Int64),
                replies: try Self.replies(of: row[0], at: now, db))
        }
    }

    /// Commits a batch in one transaction of the file.
    public func commit(_ batch: [TurnCommit]) async throws(StoreError) -> [TurnOutcome] {
        guard !batch.isEmpty else { return [] }
        let (now, steady, file) = (time.wallTime, time.steadyTime, file)
        let outcomes = try await write("commit to") { db in
            try CommitTransaction.run(batch, on: db, at: now, forgettingUntil: steady, file: file)
        }
        if batch.contains(where: { !$0.events.isEmpty }) { watch.ring() }
        return outcomes
    }

    /// The queue on which commits block.
    public var commitExecutor: (any TaskExecutor)? { commits }

    private static func replies(of object: Int64, at now: Timestamp, _ db: Database) throws -> [StoredReply] {
        let select = try db.cachedStatement(
            sql: "SELECT message_id, payload, expires FROM replies WHERE object = ? AND expires > ? ORDER BY expires, message_id")
        let rows = try Row.fetchCursor(select, arguments: [object, now.nanoseconds])
        var replies: [StoredReply] = []
        while let row = try rows.next() {
            replies.append(
                StoredReply(
                    messageID: try row.withUnsafeData(atIndex: 0) { $0.map { String(decoding: $0, as: UTF8.self) } ?? "" },
                    payload: try row.withUnsafeData(atIndex: 1) { $0.map { Array($0) } ?? [] },
                    expires: Timestamp(nanoseconds: row[2])))
        }
        return replies
    }
}
