import RivuletBroker

/// The section `tls` of a settings file, or of another section, in nats-server's words.
struct TLSSection: Decodable, Sendable {
    /// The names that are known. Any other is an error.
    static let names = SettingNames([
        "cert_file": .none, "key_file": .none, "ca_file": .none, "verify": .none, "verify_and_map": .none, "handshake_first": .none,
        "timeout": .none,
    ])

    /// The server's certificate.
    var cert_file: String?
    /// Its key.
    var key_file: String?
    /// Those who sign clients' certificates.
    var ca_file: String?
    /// Whether clients need a certificate.
    var verify: Bool?
    /// Whether it also tells who they are.
    var verify_and_map: Bool?
    /// Whether TLS comes before INFO.
    var handshake_first: Bool?
    /// How long the handshake may take.
    var timeout: TimeSpan?

    /// What it says.
    ///
    /// - Throws: ``SettingError`` when a file is missing.
    func configuration() throws(SettingError) -> BrokerTLSConfiguration {
        guard let cert_file, let key_file else { throw SettingError("TLS needs a certificate and its key") }
        var tls = BrokerTLSConfiguration(certificateFile: cert_file, keyFile: key_file, authorityFile: ca_file)
        if verify == true { tls.clientCertificates = .required }
        if verify_and_map == true { tls.clientCertificates = .identify }
        tls.handshakeFirst = handshake_first ?? false
        if let timeout { tls.handshakeTimeout = timeout.duration }
        return tls
    }
}
