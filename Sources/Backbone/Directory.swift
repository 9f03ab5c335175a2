public import RivuletSubscriptions

/// Which node owns which object.
public protocol Directory: Sendable {
    /// Takes an object for the lease's node if nobody owns it or its owner's lease is gone, raising the owner epoch; otherwise says
    /// who owns it. A claim by its present owner returns the ownership it has.
    ///
    /// - Throws: ``StoreError``; `unavailable` when the claiming lease itself has ended.
    func claim(_ object: ObjectID, for lease: NodeLease) async throws(StoreError) -> Ownership

    /// Takes an object for a node as that node itself would, which learns of it by the next message for the object.
    ///
    /// - Returns: Who owns the object; nil when nobody does and the node has no lease.
    /// - Throws: ``StoreError``.
    func claim(_ object: ObjectID, for node: String) async throws(StoreError) -> Ownership?

    /// Who owns the object; nil when nobody does.
    ///
    /// - Throws: ``StoreError``.
    func owner(of object: ObjectID) async throws(StoreError) -> Ownership?

    /// Gives the object up; without effect when the ownership is no longer the current one. A crash of the database may undo it, unless the
    /// object was claimed since.
    ///
    /// - Throws: ``StoreError``.
    func release(_ object: ObjectID, _ ownership: Ownership) async throws(StoreError)
}

/// That a node owns an object, and under which epoch.
public struct Ownership: Hashable, Sendable {
    /// The owner's name.
    public var node: String
    /// Raised with every change of owner; commits under an older one are fenced.
    public var epoch: UInt64

    /// An ownership.
    public init(node: String, epoch: UInt64) {
        self.node = node
        self.epoch = epoch
    }
}
