public import RivuletBackbone
public import RivuletSubscriptions

extension PostgresBackbone: Directory {
    /// Takes an object for the lease's node, if it can be had.
    public func claim(_ object: ObjectID, for lease: NodeLease) async throws(StoreError) -> Ownership {
        let claim = DirectoryBatch.Claim(
            name: try StoredName(checking: object), claimant: lease.node, lease: Int64(clamping: lease.number))
        let answer = try await claims.call(claim)
        guard answer.isMember, let owner = answer.owner else {
            throw StoreError(.unavailable, "\(lease.node) cannot own \(object): its lease has ended")
        }
        return owner
    }

    /// Takes an object for the node, if it can be had.
    public func claim(_ object: ObjectID, for node: String) async throws(StoreError) -> Ownership? {
        try await claims.call(DirectoryBatch.Claim(name: try StoredName(checking: object), claimant: node, lease: nil)).owner
    }

    /// Who owns the object.
    public func owner(of object: ObjectID) async throws(StoreError) -> Ownership? {
        var parameters = Parameters()
        try parameters.add(object)
        return try await call("look up the owner of \(object) in", statements.owner, parameters) { rows in
            rows.count > 0 ? Ownership(node: rows.text(0, 0), epoch: rows.uint64(0, 1)) : nil
        }
    }

    /// Gives the object up, if the ownership is the current one.
    public func release(_ object: ObjectID, _ ownership: Ownership) async throws(StoreError) {
        try await releases.call(DirectoryBatch.Release(name: try StoredName(checking: object), ownership: ownership))
    }
}
