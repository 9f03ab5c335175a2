public import RivuletBackbone

/// Where a database is and who connects, in the form that libpq reads: `postgres://user:password@host:port/database?option=value`.
///
/// In text it shows host, port, database and user: never a password, wherever in the URL it stands.
public struct PostgresURL: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// All of it, with the password.
    let text: String
    /// Without the password and the options.
    public let description: String

    /// Reads a URL.
    ///
    /// - Throws: ``RivuletBackbone/StoreError`` `unavailable`, without quoting the URL, when it is none of PostgreSQL's, or when it is not
    ///   clear where the password ends.
    public init(_ text: String) throws(StoreError) {
        guard let scheme = ["postgres://", "postgresql://"].first(where: text.hasPrefix) else {
            throw StoreError(.unavailable, "the URL of a PostgreSQL database begins with postgres://")
        }
        // As libpq reads it: the first @ before a slash ends user and password. It would name the rest of a password as a host or port.
        let rest = text.dropFirst(scheme.count)
        let start = rest.prefix { $0 != "/" }.firstIndex(of: "@").map { rest.index(after: $0) } ?? rest.startIndex
        let host = rest[start...].prefix { $0 != "/" && $0 != "?" }
        let database = rest[host.endIndex...].prefix { $0 != "?" }
        guard !host.contains("@"), !database.contains("@") else {
            throw StoreError(
                .unavailable,
                "the URL of the PostgreSQL database has more than one @, or one after a slash; in a password write %40 and %2F")
        }
        guard host.split(separator: ",").allSatisfy(Self.hasPlainPort) else {
            throw StoreError(.unavailable, "the URL of the PostgreSQL database has a port that is no number: user:password@host:port")
        }
        let user = start == rest.startIndex ? "" : rest[..<start].prefix { $0 != ":" && $0 != "@" } + "@"
        self.text = text
        description = "\(scheme)\(user)\(host)\(database)"
    }

    private static func hasPlainPort(_ address: Substring) -> Bool {
        let port = address.drop { $0 != "]" }.isEmpty ? address.drop { $0 != ":" } : address.drop { $0 != "]" }.dropFirst()
        return port.dropFirst().utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    }

    /// As ``description``.
    public var debugDescription: String { description }

    /// As ``description``.
    public var customMirror: Mirror { Mirror(self, children: ["url": description]) }
}
