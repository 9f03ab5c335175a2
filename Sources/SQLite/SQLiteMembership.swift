import GRDB
public import RivuletBackbone
import RivuletSubscriptions

extension SQLiteBackbone: Membership {
    /// Enters a node; a node of the same name loses its lease.
    public func join(_ node: NodeDescription, timeToLive: Duration) async throws(StoreError) -> NodeLease {
        let clock = clock
        return try await writeForCluster("join the nodes of") { db in
            let now = clock.now()
            let nanoseconds = Int64(clamping: Int64(timeToLive / .nanoseconds(1)))
            try db.execute(sql: "DELETE FROM members WHERE boot <> ? OR ends <= ?", arguments: [clock.boot, now])
            try db.execute(
                sql: """
                    INSERT OR REPLACE INTO members
                        (name, address, secret, time_to_live, boot, ends, kinds, active_objects, is_draining)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
                    """,
                arguments: [node.name, node.address, node.secret.text, nanoseconds, clock.boot, now + nanoseconds]
                    + node.status.arguments)
            return NodeLease(node: node.name, number: UInt64(clamping: db.lastInsertedRowID))
        }
    }

    /// Renews the lease for as long as it was granted.
    public func renew(_ lease: NodeLease, status: NodeStatus) async throws(StoreError) -> Bool {
        let clock = clock
        return try await writeForCluster("renew \(lease.node)'s lease in", isSignOfLife: true) { db in
            let now = clock.now()
            try RelayTable.dropOld(atMost: 4096, at: now, db)
            try db.execute(
                sql: """
                    UPDATE members SET kinds = ?, active_objects = ?, is_draining = ?, ends = ? + time_to_live
                    WHERE lease = ? AND name = ? AND boot = ? AND ends > ?
                    """,
                arguments: status.arguments + [now, Int64(clamping: lease.number), lease.node, clock.boot, now])
            return db.changesCount > 0
        }
    }

    /// Gives the lease up.
    public func leave(_ lease: NodeLease) async throws(StoreError) {
        try await writeForCluster("leave the nodes of") { db in
            try db.execute(
                sql: "DELETE FROM members WHERE lease = ? AND name = ?", arguments: [Int64(clamping: lease.number), lease.node])
        }
    }

    /// The nodes whose leases have not ended, by name.
    public func members() async throws(StoreError) -> [ClusterMember] {
        let clock = clock
        return try await read("list the nodes of") { db in
            let now = clock.now()
            let select = try db.cachedStatement(
                sql: """
                    SELECT name, address, secret, kinds, active_objects, is_draining, time_to_live, ends FROM members
                    WHERE boot = ? AND ends > ? ORDER BY name
                    """)
            return try Row.fetchAll(select, arguments: [clock.boot, now]).map { row in
                let kinds = (row[3] as String).split(separator: " ").compactMap { SubjectToken.decode($0) }
                let node = NodeDescription(
                    name: row[0], address: row[1], secret: NodeSecret(row[2]),
                    status: NodeStatus(kinds: Set(kinds), activeObjects: row[4], isDraining: row[5]))
                return ClusterMember(node: node, timeToLive: .nanoseconds(row[6] as Int64), remaining: .nanoseconds(row[7] as Int64 - now))
            }
        }
    }
}

extension NodeStatus {
    fileprivate var arguments: StatementArguments {
        [kinds.sorted().map { SubjectToken.encode($0) }.joined(separator: " "), activeObjects, isDraining]
    }
}
