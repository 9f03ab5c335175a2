/// Where a server listens.
public struct ServerAddress: Sendable, Hashable, CustomStringConvertible {
    /// A name or an IP address.
    public let host: String
    /// The TCP port.
    public let port: Int
    /// Whether it is only to be talked to in TLS; if not, the server decides.
    public let requiresTLS: Bool
    /// How to log in there, if that was told along with the address.
    public let credentials: ClientCredentials?

    /// An address.
    public init(host: String, port: Int = 4222, requiresTLS: Bool = false, credentials: ClientCredentials? = nil) {
        self.host = host
        self.port = port
        self.requiresTLS = requiresTLS
        self.credentials = credentials
    }

    /// Reads `nats://host:port`, `tls://host:port`, `host:port` or `host`; the port is 4222 unless told. IPv6 addresses stand in brackets.
    /// Before the host may stand `user:password@` or `token@`, percent-encoded.
    ///
    /// - Throws: ``ClientError`` with what is wrong; it does not repeat user and password.
    public init(parsing text: String) throws(ClientError) {
        var rest = text[...]
        var shown = text
        func invalid(_ reason: String) -> ClientError {
            ClientError(.invalidAddress, "\"\(shown)\" is not a server's address: \(reason)")
        }
        var scheme: Substring = "nats"
        if let separator = text.firstRange(of: "://") {
            scheme = text[..<separator.lowerBound]
            rest = text[separator.upperBound...]
        }
        var credentials: ClientCredentials?
        if let at = rest.lastIndex(of: "@") {
            let login = rest[..<at]
            rest = rest[rest.index(after: at)...]
            shown = "\(scheme)://…@\(rest)"
            guard let read = Self.credentials(login) else { throw invalid("before the @ stands user:password or a token, percent-encoded") }
            credentials = read
        }
        switch scheme {
        case "nats", "tcp", "tls": break
        case "wss", "ws": throw invalid("this client cannot \(scheme) yet, only nats:// and tls://")
        default: throw invalid("it starts with \(scheme):// instead of nats://")
        }
        if rest.last == "/" { rest.removeLast() }
        var host = rest
        var port = 4222
        let afterBracket = rest.lastIndex(of: "]") ?? rest.startIndex
        if let colon = rest[afterBracket...].lastIndex(of: ":") {
            guard let number = Int(rest[rest.index(after: colon)...]), (1...65_535).contains(number) else {
                throw invalid("the port is a number from 1 to 65535")
            }
            port = number
            host = rest[..<colon]
        }
        if host.first == "[", host.last == "]" {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            throw invalid("an IPv6 address stands in brackets")
        }
        guard !host.isEmpty, !host.contains(where: { $0.isWhitespace || $0 == "/" }) else { throw invalid("there is no host in it") }
        self.init(host: String(host), port: port, requiresTLS: scheme == "tls", credentials: credentials)
    }

    /// `nats://host:port`, or `tls://host:port`; never a user or password.
    public var description: String {
        "\(requiresTLS ? "tls" : "nats")://\(name)"
    }

    /// `host:port`, as nodes write it.
    var name: String { "\(host.contains(":") ? "[\(host)]" : host):\(port)" }

    /// Another server of the same cluster, to be talked to like this one.
    func sibling(_ other: ServerAddress) -> ServerAddress {
        ServerAddress(
            host: other.host, port: other.port, requiresTLS: other.requiresTLS || requiresTLS,
            credentials: other.credentials ?? credentials)
    }

    private static func credentials(_ login: Substring) -> ClientCredentials? {
        guard let colon = login.firstIndex(of: ":") else {
            return decode(login).flatMap { $0.isEmpty ? nil : .token($0) }
        }
        guard let user = decode(login[..<colon]), !user.isEmpty, let password = decode(login[login.index(after: colon)...]) else {
            return nil
        }
        return .user(user, password: password)
    }

    private static func decode(_ text: Substring) -> String? {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            let digits = rest.prefix(2)
            guard digits.count == 2, let text = String(digits), let value = UInt8(text, radix: 16) else { return nil }
            bytes.append(value)
            rest = rest.dropFirst(2)
        }
        return String(validating: bytes, as: UTF8.self)
    }
}
