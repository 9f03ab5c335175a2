/// How a client's connections are encrypted: TLS 1.2 or later, with files in PEM form.
public struct ClientTLSConfiguration: Sendable, Hashable {
    /// The certificates of those who may have signed the server's; nil for those whom the system trusts.
    public var authorityFile: String?
    /// The certificates of others who may have signed it; nil for nobody besides.
    public var additionalAuthorityFile: String?
    /// The client's own certificate, if the server wants one, and after it those between it and an authority's.
    public var certificateFile: String?
    /// The private key of the client's certificate.
    public var keyFile: String?
    /// The name that the server's certificate must have; nil for the host of its address. A certificate for the IP address that the
    /// connection goes to is accepted as well, as swift-nio-ssl does.
    public var serverName: String?
    /// Whether TLS comes before everything else, as the server is configured as well; if not, it follows the server's INFO.
    public var handshakeFirst = false

    /// What the system trusts, and no certificate of the client's own.
    public init(authorityFile: String? = nil, certificateFile: String? = nil, keyFile: String? = nil) {
        self.authorityFile = authorityFile
        self.certificateFile = certificateFile
        self.keyFile = keyFile
    }
}
