/// What a node tells the others of itself with every sign of life.
public struct NodeStatus: Hashable, Sendable {
    /// The kinds of objects that it hosts.
    public var kinds: Set<String>
    /// How many objects were active there.
    public var activeObjects: Int
    /// Whether it is about to leave, and takes no more objects.
    public var isDraining: Bool

    /// A status.
    public init(kinds: Set<String> = [], activeObjects: Int = 0, isDraining: Bool = false) {
        self.kinds = kinds
        self.activeObjects = activeObjects
        self.isDraining = isDraining
    }
}
