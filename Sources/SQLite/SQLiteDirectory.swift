import GRDB
public import RivuletBackbone
public import RivuletSubscriptions

extension SQLiteBackbone: Directory {
    /// Takes an object for the lease's node, if it can be had.
    public func claim(_ object: ObjectID, for lease: NodeLease) async throws(StoreError) -> Ownership {
        guard let owner = try await claims.call(ObjectClaim(object: object, claimant: lease.node, lease: lease.number), in: self) else {
            throw StoreError(.unavailable, "\(lease.node) cannot own \(object): its lease has ended")
        }
        return owner
    }

    /// Takes an object for the node, if it can be had.
    public func claim(_ object: ObjectID, for node: String) async throws(StoreError) -> Ownership? {
        try await claims.call(ObjectClaim(object: object, claimant: node, lease: nil), in: self)
    }

    /// Who owns the object.
    public func owner(of object: ObjectID) async throws(StoreError) -> Ownership? {
        let clock = clock
        return try await read("look up the owner of \(object) in") { db in
            try ObjectClaim.ownership(of: object, boot: clock.boot, at: clock.now(), db)
        }
    }

    /// Gives the object up, if the ownership is the current one.
    public func release(_ object: ObjectID, _ ownership: Ownership) async throws(StoreError) {
        try await releases.call(ObjectRelease(object: object, ownership: ownership), in: self)
    }
}
