public import RivuletBackbone
import RivuletSubscriptions

extension PostgresBackbone: Membership {
    /// Enters a node; a node of the same name loses its lease.
    public func join(_ node: NodeDescription, timeToLive: Duration) async throws(StoreError) -> NodeLease {
        var parameters = Parameters()
        parameters.add(node.name)
        parameters.add(node.address)
        parameters.add(Int64(clamping: Int64(timeToLive / .microseconds(1))))
        parameters.add(node.secret.text)
        parameters.add(node.status)
        return try await call("join the nodes of", on: leases, statements.join, parameters) { rows in
            NodeLease(node: node.name, number: rows.uint64(0, 0))
        }
    }

    /// Renews the lease for as long as it was granted.
    public func renew(_ lease: NodeLease, status: NodeStatus) async throws(StoreError) -> Bool {
        var parameters = Parameters(lease)
        parameters.add(status)
        return try await call("renew \(lease.node)'s lease in", on: leases, statements.renew, parameters) { $0.count > 0 }
    }

    /// Gives the lease up.
    public func leave(_ lease: NodeLease) async throws(StoreError) {
        try await call("leave the nodes of", on: leases, statements.leave, Parameters(lease)) { _ in }
    }

    /// The nodes whose leases have not ended, by name.
    public func members() async throws(StoreError) -> [ClusterMember] {
        try await call("list the nodes of", on: leases, statements.members) { rows in
            (0..<rows.count).map {
                let status = NodeStatus(
                    kinds: Set(rows.texts($0, 3).compactMap { SubjectToken.decode($0) }),
                    activeObjects: Int(clamping: rows.int64($0, 4)), isDraining: rows.bool($0, 5))
                return ClusterMember(
                    node: NodeDescription(
                        name: rows.text($0, 0), address: rows.text($0, 1), secret: NodeSecret(rows.text($0, 2)), status: status),
                    timeToLive: .microseconds(rows.int64($0, 6)), remaining: .microseconds(rows.int64($0, 7)))
            }
        }
    }
}

extension Parameters {
    fileprivate init(_ lease: NodeLease) {
        add(lease)
    }

    mutating func add(_ lease: NodeLease) {
        add(lease.node)
        add(Int64(clamping: lease.number))
    }

    fileprivate mutating func add(_ status: NodeStatus) {
        add(status.kinds.sorted().map { SubjectToken.encode($0) })
        add(Int64(clamping: status.activeObjects))
        add(Int64(status.isDraining ? 1 : 0))
    }
}
