/// How a node takes part in a cluster.
public struct ClusterConfiguration: Sendable, Hashable {
    /// How long a node is taken for alive after a sign of life; it gives three in that time. 5 s.
    public var timeToLive = Duration.seconds(5)
    /// Where other nodes and their clients reach this one, `host:port`. Nil for where it listens, with the machine's name instead of an
    /// address that stands for all of the machine's.
    public var advertisedAddress: String?
    /// What the node is by, to kinds that want to be hosted only by nodes with a certain label (`ObjectConfiguration.label`). None.
    public var labels: Set<String> = []
    /// How many owners of objects are remembered. 65,536.
    public var rememberedOwners = 65_536
    /// How many messages may wait for each connection to another node or for their answers over it, and how many to be tried again; more
    /// are refused with 429. 65,536.
    public var linkCapacity = 65_536
    /// How many bytes of them. 64 MiB.
    public var linkByteCapacity = 64 << 20
    /// How long the answer to a message that was handed on is waited for, if its sender does not say. 30 s.
    public var answerTimeout = Duration.seconds(30)

    /// The defaults.
    public init() {}

    /// How long before its lease ends the node stops to serve by itself, should it not be able to renew it: 1 s, or a quarter of a short
    /// lease.
    public var margin: Duration { min(.seconds(1), timeToLive / 4) }

    /// How long a message is tried again that no node has handled: until others can have what a killed node owned.
    public var patience: Duration { timeToLive + .seconds(2) }
}
