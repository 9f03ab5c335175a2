/// Where a server listens.
public struct ServerAddress: Sendable, Hashable, CustomStringConvertible {
    /// A name or an IP address.
    public let host: String
    /// The TCP port.
    public let port: Int

    /// An address.
    public init(host: String, port: Int = 4222) {
        self.host = host
        self.port = port
    }

    /// Reads `nats://host:port`, `host:port` or `host`; the port is 4222 unless told. IPv6 addresses stand in brackets.
    ///
    /// - Throws: ``ClientError`` with what is wrong.
    public init(parsing text: String) throws(ClientError) {
        func invalid(_ reason: String) -> ClientError {
            ClientError(.invalidAddress, "\"\(text)\" is not a server's address: \(reason)")
        }
        var rest = text[...]
        if let scheme = text.firstRange(of: "://") {
            switch text[..<scheme.lowerBound] {
            case "nats", "tcp": break
            case "tls", "wss", "ws": throw invalid("this client cannot \(text[..<scheme.lowerBound]) yet, only nats://")
            default: throw invalid("it starts with \(text[..<scheme.upperBound]) instead of nats://")
            }
            rest = text[scheme.upperBound...]
        }
        if rest.last == "/" { rest.removeLast() }
        if rest.contains("@") { throw invalid("this client cannot log in yet") }
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
        self.init(host: String(host), port: port)
    }

    /// `nats://host:port`
    public var description: String { "nats://\(host.contains(":") ? "[\(host)]" : host):\(port)" }
}
