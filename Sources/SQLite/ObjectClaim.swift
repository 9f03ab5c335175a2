import GRDB
import RivuletBackbone
import RivuletSubscriptions

/// An object that a node wants to have.
struct ObjectClaim: Sendable {
    let object: ObjectID
    let claimant: String
    /// The one that the claimant has to have still; nil for whichever it has.
    let lease: UInt64?

    /// Takes the object if it can be had.
    ///
    /// - Returns: Who has it then; nil if the claimant cannot, and for a node's name nobody else has.
    func run(boot: String, at now: Int64, _ db: Database) throws -> Ownership? {
        let select = try db.cachedStatement(sql: "SELECT lease FROM members WHERE name = ? AND boot = ? AND ends > ?")
        let present = try Int64.fetchOne(select, arguments: [claimant, boot, now])
        if let lease, present != Int64(clamping: lease) { return nil }
        if let ownership = try Self.ownership(of: object, boot: boot, at: now, db) { return ownership }
        guard let present else { return nil }
        let raise = try db.cachedStatement(
            sql: """
                INSERT INTO objects (kind, id, version, owner_epoch, last_event, updated, owner) VALUES (?, ?, 0, 1, 0, 0, ?)
                ON CONFLICT (kind, id) DO UPDATE SET owner = excluded.owner, owner_epoch = owner_epoch + 1
                RETURNING owner_epoch
                """)
        let epoch = try Int64.fetchOne(
            raise, arguments: [SubjectToken.encode(object.kind), SubjectToken.encode(object.id), present])
        return Ownership(node: claimant, epoch: UInt64(clamping: epoch ?? 0))
    }

    /// Who has the object.
    static func ownership(of object: ObjectID, boot: String, at now: Int64, _ db: Database) throws -> Ownership? {
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

/// An object that a node gives up, if the ownership is the current one.
struct ObjectRelease: Sendable {
    let object: ObjectID
    let ownership: Ownership

    func run(_ db: Database) throws {
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
