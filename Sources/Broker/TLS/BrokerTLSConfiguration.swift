/// How a broker's connections are encrypted: TLS 1.2 or later, with files in PEM form.
public struct BrokerTLSConfiguration: Sendable, Hashable {
    /// What becomes of clients' certificates.
    public enum ClientCertificates: Sendable, Hashable {
        /// None is asked for.
        case ignored
        /// A client needs one that the authority has signed. nats-server's `verify`.
        case required
        /// Also, the client is the user whose name is an email address, DNS name or URI among its certificate's subject alternative
        /// names, in this order, and needs no other proof; without such a user it is refused. nats-server's `verify_and_map`.
        case identify
    }

    /// The server's certificate, and after it the certificates between it and an authority's.
    public var certificateFile: String
    /// The private key of the server's certificate.
    public var keyFile: String
    /// The certificates of those who sign clients' certificates; nil for those whom the system trusts.
    public var authorityFile: String?
    /// What becomes of clients' certificates.
    public var clientCertificates = ClientCertificates.ignored
    /// Whether TLS comes before everything else; if not, INFO comes before it, unencrypted, and tells that it will. Both sides must know.
    public var handshakeFirst = false
    /// How long the handshake may take. The time to log in begins after it.
    public var handshakeTimeout: Duration = .seconds(2)

    /// TLS without client certificates, begun after INFO.
    public init(certificateFile: String, keyFile: String, authorityFile: String? = nil) {
        self.certificateFile = certificateFile
        self.keyFile = keyFile
        self.authorityFile = authorityFile
    }
}
