/// Where a node keeps objects and events.
public enum StoreConfiguration: Sendable, Hashable, CustomStringConvertible {
    /// In the process; gone when it ends.
    case memory
    /// In a SQLite file, made if there is none.
    case sqlite(String)

    /// Reads `memory` or `sqlite:PATH`.
    ///
    /// - Throws: ``SettingError`` for anything else.
    public init(_ text: String) throws(SettingError) {
        if text == "memory" {
            self = .memory
        } else if text.hasPrefix("sqlite:"), text.count > "sqlite:".count {
            self = .sqlite(String(text.dropFirst("sqlite:".count)))
        } else {
            throw SettingError("store \"\(text)\" is neither \"memory\" nor \"sqlite:PATH\"")
        }
    }

    /// What ``init(_:)`` reads.
    public var description: String {
        switch self {
        case .memory: "memory"
        case .sqlite(let path): "sqlite:\(path)"
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
}
