public import RivuletBackbone
public import RivuletContract
public import RivuletObjects
public import RivuletSubscriptions

/// Which node runs which object, by the cluster's directory: the one that was called first, as long as it lives.
public final class ClusterOwnership: ObjectOwnership {
    private let directory: any Directory
    private let keeper: LeaseKeeper
    private let links: NodeLinks
    private let owners: OwnerCache

    /// The ownership of the keeper's node.
    public init(
        directory: any Directory, keeper: LeaseKeeper, links: NodeLinks, configuration: ClusterConfiguration = ClusterConfiguration()
    ) {
        self.directory = directory
        self.keeper = keeper
        self.links = links
        owners = OwnerCache(limit: configuration.rememberedOwners)
    }

    /// Whether the node's lease can be relied on.
    public var isServing: Bool { keeper.lease != nil }

    /// Who was last heard to own the object.
    public func knownOwner(of object: ObjectID) -> String? { owners[object] }

    /// Asks the directory.
    public func claim(_ object: ObjectID) async throws(CallError) -> ObjectClaim {
        guard let lease = keeper.lease else {
            throw CallError(.unavailable, "this node has lost its place in the cluster; ask again")
        }
        do throws(StoreError) {
            let ownership = try await directory.claim(object, for: lease)
            if ownership.node == lease.node { return .here(epoch: ownership.epoch) }
            owners.remember(ownership.node, of: object)
            return .elsewhere(node: ownership.node)
        } catch {
            throw CallError(.unavailable, "cannot find out who has \(object): \(error.message)")
        }
    }

    /// Lets others have the object. If that cannot be told, they have to wait until the lease has ended.
    public func release(_ object: ObjectID, epoch: UInt64) async {
        try? await directory.release(object, Ownership(node: keeper.node.name, epoch: epoch))
    }

    /// Sends the message to the node. If it turns out not to have the object, the next one asks the directory.
    public func forward(_ message: BusMessage, for object: ObjectID, to node: String) {
        links.forward(message, to: node) { [owners] in owners.forget(object) }
    }
}
