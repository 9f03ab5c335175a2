public import RivuletWire

/// How a broker listens, and what it allows. Defaults are nats-server's where it has the setting.
public struct BrokerConfiguration: Sendable, Hashable {
    /// The address to listen at. Loopback by default: nobody else can connect before that is decided.
    public var host = "127.0.0.1"
    /// The TCP port to listen at; 0 for any that is free.
    public var port = 4222
    /// The name clients see in INFO; empty for the server's random identity.
    public var serverName = ""
    /// Rivulet's version, as clients see it in INFO.
    public var productVersion = "0.1.0"
    /// The sizes of control lines, messages and headers.
    public var limits = WireLimits.server
    /// Most connections at a time.
    public var maximumConnections = 65_536
    /// Most subscriptions of one connection.
    public var maximumSubscriptions = 65_536
    /// Most tokens of a subject.
    public var maximumSubjectTokens = 256
    /// Most bytes that may wait for one connection to read them. One byte more, and it is cut as a slow consumer.
    public var maximumPending = 67_108_864
    /// Bytes waiting for a consumer from which on its publishers are slowed.
    public var stallThreshold = 33_554_432
    /// How long a publisher is slowed at most, each time it was read from.
    public var maximumStall: Duration = .milliseconds(10)
    /// How long a connection may take to accept a piece of its pending bytes (at most ``writeSize``) before it is cut.
    public var writeDeadline: Duration = .seconds(10)
    /// How many pending bytes are handed to the system at a time; one message may be more.
    public var writeSize = 1_048_576
    /// How often a connection is asked for a sign of life.
    public var pingInterval: Duration = .seconds(120)
    /// How many pings may be unanswered; with one more due, the connection is cut as stale.
    public var maximumPingsOutstanding = 2
    /// Who may connect, and what they may do; nil for everybody everything.
    public var auth: AuthConfiguration?
    /// What the other nodes of a cluster say as ``NodeLogin/user`` to be let in, whatever ``auth`` says, with the right to do everything;
    /// nil where there are none. They find a place also when there are ``maximumConnections``.
    public var nodeKey: Secret?
    /// How connections are encrypted; nil for not at all.
    public var tls: BrokerTLSConfiguration?
    /// How WebSocket connections are taken; nil for not at all.
    public var webSocket: WebSocketConfiguration?
    /// Whether a connection must CONNECT before it does anything else, even if nobody has to log in. With ``auth`` it must anyway.
    public var requiresConnect = false
    /// How long a connection may take to CONNECT and be let in, if it must. Where there is TLS, this begins with the end of
    /// the handshake, which has a time of its own.
    public var authenticationTimeout: Duration = .seconds(2)
    /// Most bytes a connection may send before CONNECT is complete, if it must CONNECT.
    public var maximumBytesBeforeConnect = 8192
    /// What starts the subjects that network connections may not publish to: only objects write events.
    public var reservedPublishPrefixes = ["evt."]
    /// How long a drain takes at most: until then, clients that were told and have not left are disconnected, one after another.
    public var lameDuckDuration: Duration = .seconds(2)
    /// How long clients may leave by themselves before a drain begins to disconnect them; a part of ``lameDuckDuration``.
    public var lameDuckGracePeriod: Duration = .milliseconds(500)
    /// How long a connection that is being closed may take to read what is left for it.
    public var closeGrace: Duration = .seconds(1)

    /// The defaults.
    public init() {}
}
