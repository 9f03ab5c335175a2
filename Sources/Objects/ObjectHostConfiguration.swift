/// How a node hosts objects.
public struct ObjectHostConfiguration: Sendable, Hashable {
    /// How long the reply to an idempotent request is kept; 2 minutes, as NATS's duplicate window.
    public var idempotencyWindow = Duration.seconds(120)
    /// How long a call from one object to another waits unless it says otherwise; 5 s.
    public var callTimeout = Duration.seconds(5)
    /// How many turns one transaction takes at most; 512.
    public var commitBatchLimit = 512
    /// How many bytes of states, events and records of idempotent requests it takes at most, if it takes more than one turn; 4 MiB.
    public var commitByteLimit = 4 << 20
    /// How many reads of event streams are served at a time; more are refused with 429. 64.
    public var concurrentReads = 64
    /// Whether no other node commits to the store: then the store need not tell of commits; false.
    public var isOnlyCommitter = false
    /// How often the node looks for events that other nodes have committed if nobody tells it of any; 1 s.
    public var eventPollInterval = Duration.seconds(1)
    /// The least time between two such looks, however often the node is told of commits; 2 ms.
    public var eventLookPause = Duration.milliseconds(2)

    /// The defaults.
    public init() {}
}
