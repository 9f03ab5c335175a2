public import Logging

/// How a client connects and behaves.
public struct ClientConfiguration: Sendable {
    /// The client's name, for whoever watches the server.
    public var name: String? = nil
    /// How the client logs in, where the server's address does not say it.
    public var credentials: ClientCredentials? = nil
    /// How connections are encrypted. If it is set they must be, and are given up with servers that cannot; if not, the server or
    /// `tls://` in its address decides, and what the system trusts is trusted.
    public var tls: ClientTLSConfiguration? = nil
    /// Whether the client's own messages come to its own subscriptions.
    public var echo = true
    /// Whether servers of which others tell, in INFO's `connect_urls`, are connected to as well.
    public var usesLearnedServers = true
    /// How long one server may take to accept the connection and greet.
    public var connectTimeout: Duration = .seconds(2)
    /// How long requests and flushes wait unless they say otherwise.
    public var requestTimeout: Duration = .seconds(5)
    /// How often the server is asked for a sign of life.
    public var pingInterval: Duration = .seconds(120)
    /// How many of those may be unanswered; with one more due, the connection is given up.
    public var maximumPingsOutstanding = 2
    /// How long to wait after all known servers were tried in vain, at first; it doubles with every round. Up to a half of it is random,
    /// so that many clients do not come back at once.
    public var reconnectWait: Duration = .milliseconds(100)
    /// How long to wait between rounds at most.
    public var maximumReconnectWait: Duration = .seconds(2)
    /// How many rounds over all known servers to try before the client closes; nil for no end. 0 turns reconnecting off.
    public var maximumReconnectRounds: Int? = nil
    /// Most bytes that may wait to be sent, also while there is no connection. One message may go over it.
    public var maximumPending = 16 << 20
    /// How long ``RivuletClient/drain()`` waits for subscriptions to be read to their end.
    public var drainTimeout: Duration = .seconds(30)
    /// Whether calls to objects that another node of the cluster owns go straight to that node once an answer has told where it is,
    /// over a connection of its own, which logs in as this one does. The node must be one of the servers the client was given, or of
    /// which its server tells. What is sent to one object with ``RivuletClient/object(_:_:)`` stays in order.
    public var followsOwners = true
    var ownerLimits = OwnerLimits()
    /// How long a server that is about to go away may take to answer what it was asked before, while all else waits for the next one.
    var lameDuckPatience = Duration.seconds(2)
    /// Where the client logs: connections lost and restored.
    public var logger = Logger(label: "rivulet.client") { _ in SwiftLogNoOpLogHandler() }

    /// The defaults; without logging.
    public init(name: String? = nil) {
        self.name = name
    }
}
