/// What a client tells about itself in CONNECT.
public struct ConnectOptions: Sendable, Hashable {
    /// Whether the server acknowledges every operation with `+OK`.
    public var verbose: Bool
    /// Whether the server tells, with an error, of messages whose subject has wildcards or empty tokens. It delivers them either way to
    /// whoever is subscribed; subjects of subscriptions are checked always.
    public var pedantic: Bool
    /// Whether the client needs TLS.
    public var tlsRequired: Bool
    /// A token as credential.
    public var authToken: String?
    /// A user's name as credential.
    public var user: String?
    /// The user's password.
    public var password: String?
    /// The client's name, for monitoring.
    public var name: String?
    /// The language of the client's library.
    public var lang: String?
    /// The version of the client's library.
    public var version: String?
    /// Protocol level: 1 if the client understands INFO at any time.
    public var proto: Int
    /// Whether the client's messages are delivered to its own subscriptions.
    public var echo: Bool
    /// Whether the client understands headers.
    public var headers: Bool
    /// Whether the client wants a 503 reply to requests that nobody is subscribed for. Needs `headers`.
    public var noResponders: Bool
    /// The signed nonce, base64.
    public var signature: String?
    /// The user's JWT.
    public var jwt: String?
    /// The user's public NKey.
    public var nkey: String?

    /// What a client of today says.
    public init(
        verbose: Bool = false, pedantic: Bool = false, tlsRequired: Bool = false, authToken: String? = nil, user: String? = nil,
        password: String? = nil, name: String? = nil, lang: String? = "swift", version: String? = nil, proto: Int = 1, echo: Bool = true,
        headers: Bool = true, noResponders: Bool = true, signature: String? = nil, jwt: String? = nil, nkey: String? = nil
    ) {
        self.verbose = verbose
        self.pedantic = pedantic
        self.tlsRequired = tlsRequired
        self.authToken = authToken
        self.user = user
        self.password = password
        self.name = name
        self.lang = lang
        self.version = version
        self.proto = proto
        self.echo = echo
        self.headers = headers
        self.noResponders = noResponders
        self.signature = signature
        self.jwt = jwt
        self.nkey = nkey
    }

    /// What nats-server assumes of a client before its CONNECT, and of members CONNECT does not mention.
    public static let assumed = ConnectOptions(
        verbose: true, pedantic: true, lang: nil, proto: 0, echo: true, headers: false, noResponders: false)

    /// Reads the JSON of CONNECT. Unknown members are ignored; missing ones are those of `earlier`, which is what the same client said
    /// before, if it did.
    ///
    /// - Throws: `.parserError` if it is not a JSON object or a member has a wrong type.
    public init(parsing json: some Collection<UInt8>, earlier: ConnectOptions = .assumed) throws(WireError) {
        let members = JSONMembers(members: try JSON.object(parsing: json))
        self.init(
            verbose: try members.bool("verbose") ?? earlier.verbose,
            pedantic: try members.bool("pedantic") ?? earlier.pedantic,
            tlsRequired: try members.bool("tls_required") ?? earlier.tlsRequired,
            authToken: try members.string("auth_token") ?? earlier.authToken,
            user: try members.string("user") ?? earlier.user,
            password: try members.string("pass") ?? earlier.password,
            name: try members.string("name") ?? earlier.name,
            lang: try members.string("lang") ?? earlier.lang,
            version: try members.string("version") ?? earlier.version,
            proto: try members.int("protocol") ?? earlier.proto,
            echo: try members.bool("echo") ?? earlier.echo,
            headers: try members.bool("headers") ?? earlier.headers,
            noResponders: try members.bool("no_responders") ?? earlier.noResponders,
            signature: try members.string("sig") ?? earlier.signature,
            jwt: try members.string("jwt") ?? earlier.jwt,
            nkey: try members.string("nkey") ?? earlier.nkey)
    }

    /// The JSON of CONNECT.
    public func encoded() -> [UInt8] {
        var json = JSONWriter()
        json.add("verbose", verbose)
        json.add("pedantic", pedantic)
        json.add("tls_required", tlsRequired)
        json.add("auth_token", authToken)
        json.add("user", user)
        json.add("pass", password)
        json.add("name", name)
        json.add("lang", lang)
        json.add("version", version)
        json.add("protocol", proto)
        json.add("echo", echo)
        json.add("headers", headers)
        json.add("no_responders", noResponders)
        json.add("sig", signature)
        json.add("jwt", jwt)
        json.add("nkey", nkey)
        return json.finished()
    }
}
