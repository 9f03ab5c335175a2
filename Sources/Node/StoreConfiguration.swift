import RivuletBackbone
public import RivuletPostgres

/// Where a node keeps objects and events.
public enum StoreConfiguration: Sendable, Hashable, CustomStringConvertible {
    /// In the process; gone when it ends.
    case memory
    /// In a SQLite file, made if there is none.
    case sqlite(String)
    /// In the schema `rivulet` of a PostgreSQL database, made if there is none.
    case postgres(PostgresURL)

    /// Reads `memory`, `sqlite:PATH` or `postgres://…`, the URL that libpq reads.
    ///
    /// - Throws: ``SettingError`` for anything else; it quotes no more than the first word, for there may be a password.
    public init(_ text: String) throws(SettingError) {
        if text == "memory" {
            self = .memory
        } else if text.hasPrefix("sqlite:"), text.count > "sqlite:".count {
            self = .sqlite(String(text.dropFirst("sqlite:".count)))
        } else if text.hasPrefix("postgres://") || text.hasPrefix("postgresql://") {
            do {
                self = .postgres(try PostgresURL(text))
            } catch {
                throw SettingError("store: \(error.message)")
            }
        } else {
            let scheme = text.prefix { $0.isLetter }
            let shown = scheme == text ? text : "\(scheme)…"
            throw SettingError("store \"\(shown)\" is neither \"memory\" nor \"sqlite:PATH\" nor \"postgres://USER@HOST/DATABASE\"")
        }
    }

    /// What ``init(_:)`` reads, without a password.
    public var description: String {
        switch self {
        case .memory: "memory"
        case .sqlite(let path): "sqlite:\(path)"
        case .postgres(let url): "\(url)"
        }
    }
}

/// A setting that makes no sense.
public struct SettingError: Error, Sendable, Hashable, CustomStringConvertible {
    /// A sentence for people.
    public let description: String

    init(_ description: String) {
        self.description = description
    }

    static let memoryInCluster = SettingError(
        "nodes of a cluster share a store, which memory cannot be: use --store sqlite:PATH or postgres://USER@HOST/DATABASE")
}
