/// How a node takes part in the relay of plain messages.
public struct RelayConfiguration: Sendable, Hashable {
    /// Most bytes that may wait to be sent. Messages that come when there are more are dropped. 64 MiB.
    public var maximumPending = 67_108_864
    /// Bytes waiting from which on publishers are slowed. 32 MiB.
    public var stallThreshold = 33_554_432
    /// Bytes from which on messages are not added to a batch any more. 1 MiB.
    public var batchSize = 1_048_576
    /// Most patterns outside queue groups that are announced as they are; with more, coarser ones are. 1,000.
    public var announcedPatterns = 1000
    /// The same for patterns of queue groups, where coarser ones cost messages their receivers when members leave. 10,000.
    public var announcedQueuePatterns = 10_000
    /// How long changes of what is subscribed to are collected while no message is sent. 5 ms.
    public var announcementPause = Duration.milliseconds(5)
    /// How long to wait until reading is tried again. 200 ms.
    public var retryPause = Duration.milliseconds(200)
    /// How long ``ClusterRelay/ready()`` waits for the other nodes at most. 2 s.
    public var readyTimeout = Duration.seconds(2)

    /// The defaults.
    public init() {}
}
