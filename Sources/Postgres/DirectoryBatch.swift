import RivuletBackbone

/// Claims and releases of many objects as one statement.
enum DirectoryBatch {
    struct Claim: Comparable, Sendable {
        let name: StoredName
        let claimant: String
        /// Nil for whichever the claimant has.
        let lease: Int64?

        static func < (left: Claim, right: Claim) -> Bool { left.name < right.name }
    }

    struct ClaimAnswer: Sendable {
        /// Whether the claimant's lease has not ended.
        let isMember: Bool
        let owner: Ownership?
    }

    struct Release: Comparable, Sendable {
        let name: StoredName
        let ownership: Ownership

        static func < (left: Release, right: Release) -> Bool { left.name < right.name }
    }

    static func claim(
        _ claims: [Claim], by statement: Statement, on connection: ServerConnection, until deadline: Deadline
    ) throws(ServerError) -> [ClaimAnswer] {
        var parameters = Parameters()
        parameters.add(claims.map(\.name.kind))
        parameters.add(claims.map(\.name.id))
        parameters.add(claims.map(\.claimant))
        parameters.add(claims.map { $0.lease ?? -1 })
        let rows = try connection.run(statement, parameters, until: deadline)
        let (leases, nodes, epochs) = (rows.int64s(0, 0), rows.texts(0, 1), rows.int64s(0, 2))
        guard [leases.count, nodes.count, epochs.count].allSatisfy({ $0 == claims.count }) else {
            throw ServerError("it answered \(leases.count) of \(claims.count) claims", isLost: false)
        }
        return claims.indices.map { index in
            let owner = nodes[index].isEmpty ? nil : Ownership(node: nodes[index], epoch: UInt64(clamping: epochs[index]))
            return ClaimAnswer(isMember: leases[index] > 0, owner: owner)
        }
    }

    static func release(
        _ releases: [Release], by statement: Statement, on connection: ServerConnection, until deadline: Deadline
    ) throws(ServerError) -> [Void] {
        var parameters = Parameters()
        parameters.add(releases.map(\.name.kind))
        parameters.add(releases.map(\.name.id))
        parameters.add(releases.map(\.ownership.node))
        parameters.add(releases.map { Int64(clamping: $0.ownership.epoch) })
        try connection.run(statement, parameters, until: deadline)
        return releases.map { _ in }
    }
}
