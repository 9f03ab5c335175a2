public import RivuletSubscriptions
import Synchronization

extension InMemoryBackbone: Directory {
    /// Takes an object for the lease's node, if it can be had.
    public func claim(_ object: ObjectID, for lease: NodeLease) async throws(StoreError) -> Ownership {
        let now = time.now
        let result = state.withLock { state -> Result<Ownership, StoreError> in
            guard state.member(holding: lease, at: now) != nil else {
                return .failure(StoreError(.unavailable, "\(lease.node) cannot own \(object): its lease has ended"))
            }
            return .success(state.claim(object, for: lease, at: now))
        }
        return try result.get()
    }

    /// Takes an object for the node, if it can be had.
    public func claim(_ object: ObjectID, for node: String) async throws(StoreError) -> Ownership? {
        let now = time.now
        return state.withLock { state in
            guard let lease = state.members[node]?.lease, state.member(holding: lease, at: now) != nil else {
                return state.ownership(of: object, at: now)
            }
            return state.claim(object, for: lease, at: now)
        }
    }

    /// Who owns the object.
    public func owner(of object: ObjectID) async throws(StoreError) -> Ownership? {
        let now = time.now
        return state.withLock { $0.ownership(of: object, at: now) }
    }

    /// Gives the object up, if the ownership is the current one.
    public func release(_ object: ObjectID, _ ownership: Ownership) async throws(StoreError) {
        let now = time.now
        state.withLock { state in
            if state.ownership(of: object, at: now) == ownership { state.objects[object]?.owner = nil }
        }
    }
}

extension InMemoryBackbone.State {
    fileprivate mutating func claim(_ object: ObjectID, for lease: NodeLease, at now: Duration) -> Ownership {
        if let ownership = ownership(of: object, at: now) { return ownership }
        var row = objects[object] ?? InMemoryBackbone.ObjectRow()
        row.owner = lease
        row.ownerEpoch += 1
        objects[object] = row
        return Ownership(node: lease.node, epoch: row.ownerEpoch)
    }

    fileprivate func ownership(of object: ObjectID, at now: Duration) -> Ownership? {
        guard let row = objects[object], let owner = row.owner, member(holding: owner, at: now) != nil else { return nil }
        return Ownership(node: owner.node, epoch: row.ownerEpoch)
    }
}
