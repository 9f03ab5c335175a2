/// Where a web page comes from, such as `https://example.org`: a scheme, a host and a port.
public struct WebOrigin: Sendable, Hashable, CustomStringConvertible {
    /// `http` or `https`.
    public let scheme: String
    /// The host's name or address, in lower case.
    public let host: String
    /// The port, also if it is the scheme's usual one and was not written.
    public let port: Int

    /// Reads an origin as browsers write it; nil if it is not one, as is `null`.
    public init?(_ text: String) {
        guard let end = text.firstRange(of: "://") else { return nil }
        let scheme = text[..<end.lowerBound].lowercased()
        guard scheme == "http" || scheme == "https" else { return nil }
        self.init(scheme: scheme, authority: text[end.upperBound...])
    }

    /// The origin of a server's own pages.
    ///
    /// - Parameter authority: A host, and a port if it is not the scheme's.
    init?(scheme: String, authority: some StringProtocol) {
        let authority = authority.lowercased()
        guard !authority.contains(where: { "/?#@ ".contains($0) }) else { return nil }
        var host = authority[...]
        var port = scheme == "https" ? 443 : 80
        // The colons within an IPv6 address do not count.
        if let colon = authority.lastIndex(of: ":"), !authority[colon...].contains("]") {
            guard let number = UInt16(authority[authority.index(after: colon)...]), number > 0 else { return nil }
            host = authority[..<colon]
            port = Int(number)
        }
        let isAddress = host.hasPrefix("[") && host.hasSuffix("]")
        guard !host.isEmpty, isAddress || !host.contains(":") else { return nil }
        self.scheme = scheme
        self.host = String(host)
        self.port = port
    }

    /// `scheme://host:port`
    public var description: String { "\(scheme)://\(host):\(port)" }
}
