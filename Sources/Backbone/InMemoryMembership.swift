import RivuletSubscriptions
import Synchronization

extension InMemoryBackbone {
    struct Member {
        var description: NodeDescription
        let lease: NodeLease
        let timeToLive: Duration
        var end: Duration
    }
}

extension InMemoryBackbone: Membership {
    /// Enters a node; a node of the same name loses its lease.
    public func join(_ node: NodeDescription, timeToLive: Duration) async throws(StoreError) -> NodeLease {
        let now = time.now
        return state.withLock { state in
            state.lastLease += 1
            let lease = NodeLease(node: node.name, number: state.lastLease)
            state.members[node.name] = Member(description: node, lease: lease, timeToLive: timeToLive, end: now + timeToLive)
            return lease
        }
    }

    /// Renews the lease for as long as it was granted.
    public func renew(_ lease: NodeLease, status: NodeStatus) async throws(StoreError) -> Bool {
        let now = time.now
        return state.withLock { state in
            guard var member = state.member(holding: lease, at: now) else { return false }
            member.end = now + member.timeToLive
            member.description.status = status
            state.members[lease.node] = member
            return true
        }
    }

    /// Gives the lease up.
    public func leave(_ lease: NodeLease) async throws(StoreError) {
        state.withLock { state in
            if state.members[lease.node]?.lease == lease { state.members[lease.node] = nil }
        }
    }

    /// The nodes whose leases have not ended, by name.
    public func members() async throws(StoreError) -> [ClusterMember] {
        let now = time.now
        return state.withLock { state in
            state.members = state.members.filter { $0.value.end > now }
            return state.members.values.sorted { $0.description.name < $1.description.name }.map {
                ClusterMember(node: $0.description, timeToLive: $0.timeToLive, remaining: $0.end - now)
            }
        }
    }
}

extension InMemoryBackbone.State {
    /// The member, if this very lease of it has not ended.
    func member(holding lease: NodeLease, at now: Duration) -> InMemoryBackbone.Member? {
        members[lease.node].flatMap { $0.lease == lease && $0.end > now ? $0 : nil }
    }
}
