public import RivuletSubscriptions

/// A client connection at one moment. Holds no secrets.
public struct ConnectionSnapshot: Sendable, Hashable {
    /// The broker's number for it, which no other connection has or had.
    public var id: Int
    /// The client's address.
    public var ip: String
    /// The client's port.
    public var port: Int
    /// When it was accepted.
    public var start: Timestamp
    /// When the client last sent something.
    public var lastActivity: Timestamp
    /// How long the client took to answer the last PING; nil if it was not sent one yet.
    public var roundTrip: Duration?
    /// Bytes that wait for the client to read them.
    public var pendingBytes = 0
    /// Messages the client published.
    public var inMessages: Int
    /// Bytes of headers and payload it published.
    public var inBytes: Int
    /// Messages that were delivered to it, or wait to be.
    public var outMessages = 0
    /// Bytes of headers and payload that were delivered to it, or wait to be.
    public var outBytes = 0
    /// How many subscriptions it has.
    public var subscriptions: Int
    /// What the client calls itself; empty if it does not say.
    public var name: String
    /// The language of its library; empty if it does not say.
    public var language: String
    /// The version of its library; empty if it does not say.
    public var version: String
    /// As whom it logged in: the user's name or public key, or `[REDACTED]` if it had a token; nil if nobody needs to.
    public var user: String?
    /// `1.2` or `1.3` if the connection is encrypted.
    public var tlsVersion: String?
}
