public import RivuletBackbone

extension PostgresBackbone: Membership {
    /// Enters a node; a node of the same name loses its lease.
    public func join(_ node: NodeDescription, timeToLive: Duration) async throws(StoreError) -> NodeLease {
        var parameters = Parameters()
        parameters.add(node.name)
        parameters.add(node.address)
        parameters.add(Int64(clamping: Int64(timeToLive / .microseconds(1))))
        parameters.add(node.secret.text)
        return try await call("join the nodes of", statements.join, parameters) { rows in
            NodeLease(node: node.name, number: rows.uint64(0, 0))
        }
    }

    /// Renews the lease for as long as it was granted.
    public func renew(_ lease: NodeLease) async throws(StoreError) -> Bool {
        try await call("renew \(lease.node)'s lease in", statements.renew, Parameters(lease)) { $0.count > 0 }
    }

    /// Gives the lease up.
    public func leave(_ lease: NodeLease) async throws(StoreError) {
        try await call("leave the nodes of", statements.leave, Parameters(lease)) { _ in }
    }

    /// The nodes whose leases have not ended, by name.
    public func members() async throws(StoreError) -> [NodeDescription] {
        try await call("list the nodes of", statements.members) { rows in
            (0..<rows.count).map {
                NodeDescription(name: rows.text($0, 0), address: rows.text($0, 1), secret: NodeSecret(rows.text($0, 2)))
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
}
