public import RivuletBackbone
public import RivuletSubscriptions

extension PostgresBackbone: Directory {
    /// Takes an object for the lease's node, if it can be had.
    public func claim(_ object: ObjectID, for lease: NodeLease) async throws(StoreError) -> Ownership {
        var parameters = Parameters()
        try parameters.add(object)
        parameters.add(lease)
        let ownership = try await call("claim \(object) in", statements.claim, parameters) { rows in
            rows.isNull(0, 0) ? nil : Ownership(node: rows.text(0, 0), epoch: rows.uint64(0, 1))
        }
        guard let ownership else {
            throw StoreError(.unavailable, "\(lease.node) cannot own \(object): its lease has ended")
        }
        return ownership
    }

    /// Takes an object for the node, if it can be had.
    public func claim(_ object: ObjectID, for node: String) async throws(StoreError) -> Ownership? {
        var parameters = Parameters()
        try parameters.add(object)
        parameters.add(node)
        let ownership = try await call("claim \(object) in", statements.claimFor, parameters) { rows in
            rows.count == 0 || rows.isNull(0, 0) ? nil : Ownership(node: rows.text(0, 0), epoch: rows.uint64(0, 1))
        }
        guard let ownership else { return try await owner(of: object) }
        return ownership
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
        var parameters = Parameters()
        try parameters.add(object)
        parameters.add(ownership.node)
        parameters.add(Int64(clamping: ownership.epoch))
        try await call("release \(object) in", statements.release, parameters) { _ in }
    }
}
