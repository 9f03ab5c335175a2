public import RivuletBackbone
import RivuletSubscriptions

/// A fresh backbone for one check of ``MembershipConformance`` or ``DirectoryConformance``.
public struct ClusterFixture: Sendable {
    /// What knows nodes, owners and the objects they fence.
    public typealias Backbone = any Membership & Directory & ObjectStore

    /// The backbone, with nothing in it.
    public var backbone: Backbone
    /// Lets so much time pass on the backbone's own clock.
    public var pass: @Sendable (Duration) async throws -> Void

    /// A fixture.
    public init(backbone: Backbone, pass: @escaping @Sendable (Duration) async throws -> Void) {
        self.backbone = backbone
        self.pass = pass
    }
}

extension ClusterFixture {
    func join(_ name: String, for duration: Duration = .seconds(5)) async throws -> NodeLease {
        try await backbone.join(NodeDescription(name: name, address: "\(name):4222"), timeToLive: duration)
    }

    func expectMembers(_ names: [String]) async throws {
        try await expectMembers(described: names.map { NodeDescription(name: $0, address: "\($0):4222") })
    }

    func expectMembers(described nodes: [NodeDescription]) async throws {
        try expect("the members", try await backbone.members().map(\.node), is: nodes)
    }

    /// Commits one turn that sets the state to the owner's name.
    func commit(_ object: ObjectID, version: UInt64, _ owner: Ownership) async throws -> TurnOutcome? {
        let state = Array("\"\(owner.node)\"".utf8)
        let turn = TurnCommit(object: object, ownerEpoch: owner.epoch, expectedVersion: version, state: state)
        return try await backbone.commit([turn]).first
    }
}
