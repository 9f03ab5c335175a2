import GRDB
public import RivuletBackbone
public import RivuletSubscriptions

extension SQLiteBackbone: Directory {
    /// Takes an object for the lease's node, if it can be had.
    public func claim(_ object: ObjectID, for lease: NodeLease) async throws(StoreError) -> Ownership {
        let clock = clock
        return try await writeForCluster("claim \(object) in") { db in
            let (now, number) = (clock.now(), Int64(clamping: lease.number))
            let select = try db.cachedStatement(
                sql: "SELECT 1 FROM members WHERE lease = ? AND name = ? AND boot = ? AND ends > ?")
            guard try Int.fetchOne(select, arguments: [number, lease.node, clock.boot, now]) != nil else {
                throw StoreError(.unavailable, "\(lease.node) cannot own \(object): its lease has ended")
            }
            return try Self.claim(object, for: lease, boot: clock.boot, at: now, db)
        }
    }

    /// Takes an object for the node, if it can be had.
    public func claim(_ object: ObjectID, for node: String) async throws(StoreError) -> Ownership? {
        let clock = clock
        return try await writeForCluster("claim \(object) in") { db in
            let now = clock.now()
            let select = try db.cachedStatement(sql: "SELECT lease FROM members WHERE name = ? AND boot = ? AND ends > ?")
            guard let number = try Int64.fetchOne(select, arguments: [node, clock.boot, now]) else {
                return try Self.ownership(of: object, boot: clock.boot, at: now, db)
            }
            let lease = NodeLease(node: node, number: UInt64(clamping: number))
            return try Self.claim(object, for: lease, boot: clock.boot, at: now, db)
        }
    }

    /// Who owns the object.
    public func owner(of object: ObjectID) async throws(StoreError) -> Ownership? {
        let clock = clock
        return try await read("look up the owner of \(object) in") { db in
            try Self.ownership(of: object, boot: clock.boot, at: clock.now(), db)
        }
    }

    /// Gives the object up, if the ownership is the current one.
    public func release(_ object: ObjectID, _ ownership: Ownership) async throws(StoreError) {
        try await writeForCluster("release \(object) in") { db in
            let free = try db.cachedStatement(
                sql: """
                    UPDATE objects SET owner = NULL
                    WHERE kind = ? AND id = ? AND owner_epoch = ? AND owner = (SELECT lease FROM members WHERE name = ?)
                    """)
            try free.execute(arguments: [
                SubjectToken.encode(object.kind), SubjectToken.encode(object.id), Int64(clamping: ownership.epoch), ownership.node,
            ])
        }
    }

    private static func claim(
        _ object: ObjectID, for lease: NodeLease, boot: String, at now: Int64, _ db: Database
    ) throws -> Ownership {
        if let ownership = try ownership(of: object, boot: boot, at: now, db) { return ownership }
        let raise = try db.cachedStatement(
            sql: """
                INSERT INTO objects (kind, id, version, owner_epoch, last_event, updated, owner) VALUES (?, ?, 0, 1, 0, 0, ?)
                ON CONFLICT (kind, id) DO UPDATE SET owner = excluded.owner, owner_epoch = owner_epoch + 1
                RETURNING owner_epoch
                """)
        let epoch = try Int64.fetchOne(
            raise,
            arguments: [SubjectToken.encode(object.kind), SubjectToken.encode(object.id), Int64(clamping: lease.number)])
        return Ownership(node: lease.node, epoch: UInt64(clamping: epoch ?? 0))
    }

    private static func ownership(of object: ObjectID, boot: String, at now: Int64, _ db: Database) throws -> Ownership? {
        let select = try db.cachedStatement(
            sql: """
                SELECT members.name, owner_epoch FROM objects JOIN members ON members.lease = objects.owner
                WHERE kind = ? AND id = ? AND boot = ? AND ends > ?
                """)
        let row = try Row.fetchOne(
            select, arguments: [SubjectToken.encode(object.kind), SubjectToken.encode(object.id), boot, now])
        return row.map { Ownership(node: $0[0], epoch: UInt64(clamping: $0[1] as Int64)) }
    }
}
