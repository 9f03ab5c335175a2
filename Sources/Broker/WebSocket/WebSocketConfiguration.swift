/// How a broker takes WebSocket connections, which carry the same protocol as TCP connections do. Messages are not compressed.
public struct WebSocketConfiguration: Sendable, Hashable {
    /// The address to listen at; nil for the broker's.
    public var host: String?
    /// The TCP port to listen at; 0 for any that is free.
    public var port: Int
    /// Whether connections are encrypted, by ``tls`` or else by the broker's TLS settings, if there are some. TLS then comes before
    /// everything else.
    public var encrypts = true
    /// How these connections are encrypted; nil for like the broker's others.
    public var tls: BrokerTLSConfiguration?
    /// Whether the page that a browser connects from must come from the host and port it connects to.
    public var sameOrigin = false
    /// Where the page that a browser connects from may come from; empty for anywhere. Clients that are no browsers tell no origin and
    /// are not asked for one.
    public var allowedOrigins: [WebOrigin] = []
    /// How long a connection may take to become a WebSocket, TLS included.
    public var handshakeTimeout: Duration = .seconds(2)
    /// Most bytes of a frame that a client sends. They are taken as they come, so a frame may be longer than the messages in it.
    public var maximumFrameSize = 67_108_864

    /// WebSockets for everybody, encrypted if the broker has TLS.
    public init(host: String? = nil, port: Int) {
        self.host = host
        self.port = port
    }
}
