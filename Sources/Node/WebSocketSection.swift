import RivuletBroker

/// The section `websocket` of a settings file, in nats-server's words.
struct WebSocketSection: Decodable, Sendable {
    /// The names that are known. Any other is an error.
    static let names = SettingNames([
        "host": .none, "port": .none, "no_tls": .none, "same_origin": .none, "allowed_origins": .none, "handshake_timeout": .none,
        "tls": TLSSection.names,
    ])

    /// The address to listen at, if it is not the node's.
    let host: String?
    /// The TCP port.
    let port: Int?
    /// Whether connections are not encrypted although there is TLS.
    let no_tls: Bool?
    /// How connections are encrypted, if not like the node's.
    let tls: TLSSection?
    /// Whether browsers' pages must come from the node itself.
    let same_origin: Bool?
    /// Where browsers' pages may come from.
    let allowed_origins: [String]?
    /// How long a connection may take to become a WebSocket.
    let handshake_timeout: TimeSpan?

    /// What it says.
    ///
    /// - Throws: ``SettingError`` when it contradicts itself, or an origin is none.
    func apply(to configuration: inout WebSocketConfiguration) throws(SettingError) {
        configuration.host = host
        guard tls == nil || no_tls != true else { throw SettingError("websocket has tls, and no_tls as well") }
        configuration.encrypts = no_tls != true
        configuration.tls = try tls?.configuration()
        configuration.sameOrigin = same_origin ?? false
        for text in allowed_origins ?? [] {
            guard let origin = WebOrigin(text) else { throw SettingError("the origin \"\(text)\" is not like https://example.org") }
            configuration.allowedOrigins.append(origin)
        }
        if let timeout = handshake_timeout, timeout.duration > .zero { configuration.handshakeTimeout = timeout.duration }
    }
}
