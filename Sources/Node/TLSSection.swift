/// The section `tls` of a settings file, in nats-server's words.
struct TLSSection: Decodable, Sendable {
    /// The names that are known. Any other is an error.
    static let names = SettingNames([
        "cert_file": .none, "key_file": .none, "ca_file": .none, "verify": .none, "verify_and_map": .none, "handshake_first": .none,
    ])

    /// The server's certificate.
    let cert_file: String?
    /// Its key.
    let key_file: String?
    /// Those who sign clients' certificates.
    let ca_file: String?
    /// Whether clients need a certificate.
    let verify: Bool?
    /// Whether it also tells who they are.
    let verify_and_map: Bool?
    /// Whether TLS comes before INFO.
    let handshake_first: Bool?
}
