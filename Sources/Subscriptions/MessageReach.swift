/// How far a message goes where the nodes of a cluster act as one bus.
public enum MessageReach: Sendable, Hashable {
    /// To the subscribers of all nodes.
    case cluster
    /// To those of this node only: the others get it in another way, or are not to.
    case node
}
