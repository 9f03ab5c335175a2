/// How a node takes part in a cluster.
public struct ClusterConfiguration: Sendable, Hashable {
    /// How long the node is taken for alive after a sign of life; it gives three in that time. 5 s.
    public var timeToLive = Duration.seconds(5)
    /// How long before its lease ends the node stops to serve by itself, should it not be able to renew it. 1 s.
    public var margin = Duration.seconds(1)
    /// How many owners of objects are remembered. 65,536.
    public var rememberedOwners = 65_536
    /// How many messages may wait for the connection to another node; more are refused with 429. 65,536.
    public var linkCapacity = 65_536
    /// How long the answer to a message that was handed on is waited for, if its sender does not say. 30 s.
    public var answerTimeout = Duration.seconds(30)

    /// The defaults.
    public init() {}
}
