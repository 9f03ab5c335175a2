/// What a server tells about itself in INFO, at the start of a connection and whenever it changes.
public struct ServerInfo: Sendable, Hashable {
    /// The server's identity, unique to one start of it.
    public var serverID: String
    /// The server's name.
    public var serverName: String
    /// The nats-server version whose protocol the server speaks. Clients derive features from it.
    public var version: String
    /// Rivulet's version; nil when the server is not Rivulet. In JSON `rivulet`.
    public var rivulet: String?
    /// What the server is built with; nil when it does not tell. In JSON `go`, after nats-server's language; some clients cannot do without.
    public var language: String?
    /// Protocol level; 1 means that INFO may come at any time.
    public var proto: Int
    /// The host the server listens at.
    public var host: String
    /// The port the server listens at.
    public var port: Int
    /// Whether messages may have headers.
    public var headers: Bool
    /// Most bytes of a message, headers included.
    public var maxPayload: Int
    /// Whether the server has JetStream.
    public var jetstream: Bool
    /// The server's number for this connection.
    public var clientID: Int?
    /// The client's address as the server sees it.
    public var clientIP: String?
    /// Whether CONNECT must carry credentials.
    public var authRequired: Bool
    /// Whether the connection must change to TLS.
    public var tlsRequired: Bool
    /// Whether the client must have a certificate.
    public var tlsVerify: Bool
    /// What the client signs to prove who it is.
    public var nonce: String?
    /// Lame duck mode: the server is about to go away, clients should connect elsewhere.
    public var ldm: Bool
    /// Other addresses of the cluster, as `host:port`.
    public var connectURLs: [String]

    /// A server's description.
    public init(
        serverID: String = "", serverName: String = "", version: String = ServerInfo.protocolVersion, rivulet: String? = nil,
        language: String? = nil, proto: Int = 1, host: String = "", port: Int = 0, headers: Bool = true,
        maxPayload: Int = WireLimits.server.payload,
        jetstream: Bool = false, clientID: Int? = nil, clientIP: String? = nil, authRequired: Bool = false, tlsRequired: Bool = false,
        tlsVerify: Bool = false, nonce: String? = nil, ldm: Bool = false, connectURLs: [String] = []
    ) {
        self.serverID = serverID
        self.serverName = serverName
        self.version = version
        self.rivulet = rivulet
        self.language = language
        self.proto = proto
        self.host = host
        self.port = port
        self.headers = headers
        self.maxPayload = maxPayload
        self.jetstream = jetstream
        self.clientID = clientID
        self.clientIP = clientIP
        self.authRequired = authRequired
        self.tlsRequired = tlsRequired
        self.tlsVerify = tlsVerify
        self.nonce = nonce
        self.ldm = ldm
        self.connectURLs = connectURLs
    }

    /// The nats-server level whose client protocol this module speaks.
    public static let protocolVersion = "2.11.0"

    /// Reads the JSON of INFO. Unknown members are ignored, missing ones are empty, false or nil.
    ///
    /// - Throws: `.parserError` if it is not a JSON object or a member has a wrong type.
    public init(parsing json: some Collection<UInt8>) throws(WireError) {
        let members = JSONMembers(members: try JSON.object(parsing: json))
        self.init(
            serverID: try members.string("server_id") ?? "",
            serverName: try members.string("server_name") ?? "",
            version: try members.string("version") ?? "",
            rivulet: try members.string("rivulet"),
            language: try members.string("go"),
            proto: try members.int("proto") ?? 0,
            host: try members.string("host") ?? "",
            port: try members.int("port") ?? 0,
            headers: try members.bool("headers") ?? false,
            maxPayload: try members.int("max_payload") ?? WireLimits.server.payload,
            jetstream: try members.bool("jetstream") ?? false,
            clientID: try members.int("client_id"),
            clientIP: try members.string("client_ip"),
            authRequired: try members.bool("auth_required") ?? false,
            tlsRequired: try members.bool("tls_required") ?? false,
            tlsVerify: try members.bool("tls_verify") ?? false,
            nonce: try members.string("nonce"),
            ldm: try members.bool("ldm") ?? false,
            connectURLs: try members.strings("connect_urls") ?? [])
    }

    /// The JSON of INFO.
    public func encoded() -> [UInt8] {
        var json = JSONWriter()
        json.add("server_id", serverID)
        json.add("server_name", serverName)
        json.add("version", version)
        json.add("rivulet", rivulet)
        json.add("go", language)
        json.add("proto", proto)
        json.add("host", host)
        json.add("port", port)
        json.add("headers", headers)
        json.add("max_payload", maxPayload)
        json.add(ifTrue: "jetstream", jetstream)
        json.add("client_id", clientID)
        json.add("client_ip", clientIP)
        json.add(ifTrue: "auth_required", authRequired)
        json.add(ifTrue: "tls_required", tlsRequired)
        json.add(ifTrue: "tls_verify", tlsVerify)
        json.add("nonce", nonce)
        json.add(ifTrue: "ldm", ldm)
        json.add("connect_urls", connectURLs)
        return json.finished()
    }
}
