import Foundation
import Yams

/// A file of settings, YAML or JSON, which is YAML as well.
struct SettingsFile: Sendable {
    /// The settings that are one value each, by name.
    let values: [SettingKey: String]
    /// Who may connect.
    let authorization: AuthorizationSection?
    /// How connections are encrypted.
    let tls: TLSSection?
    /// How WebSocket connections are taken.
    let webSocket: WebSocketSection?

    /// Reads a file.
    ///
    /// - Throws: ``SettingError`` that names the file and what is wrong in it, but does not quote it.
    init(path: String) throws(SettingError) {
        do {
            try self.init(yaml: String(contentsOfFile: path, encoding: .utf8))
        } catch {
            throw SettingError("the configuration file \(path) cannot be read: \(Self.reason(for: error))")
        }
    }

    init(yaml: String) throws {
        guard let root = try Yams.compose(yaml: yaml) else {
            self.init(values: [:], authorization: nil, tls: nil, webSocket: nil)
            return
        }
        guard let mapping = root.mapping else { throw SettingError("it is not a list of names and values") }
        var values: [SettingKey: String] = [:]
        for (name, value) in mapping where !["authorization", "tls", "websocket"].contains(name.string) {
            guard let key = SettingKey(rawValue: name.string ?? "") else {
                throw SettingError("there is no setting \"\(name.string ?? "")\"")
            }
            guard let scalar = value.scalar else { throw SettingError("\(key) is not one value") }
            values[key] = scalar.string
        }
        let decoder = YAMLDecoder()
        self.init(
            values: values,
            authorization: try mapping["authorization"].map { node in
                try AuthorizationSection.names.check(node, "authorization")
                return try decoder.decode(AuthorizationSection.self, from: node)
            },
            tls: try mapping["tls"].map { node in
                try TLSSection.names.check(node, "tls")
                return try decoder.decode(TLSSection.self, from: node)
            },
            webSocket: try mapping["websocket"].map { node in
                try WebSocketSection.names.check(node, "websocket")
                return try decoder.decode(WebSocketSection.self, from: node)
            })
    }

    private init(
        values: [SettingKey: String], authorization: AuthorizationSection?, tls: TLSSection?, webSocket: WebSocketSection?
    ) {
        self.values = values
        self.tls = tls
        self.webSocket = webSocket
        self.authorization = authorization
    }

    /// Errors of the YAML library quote the line, in which there may be a secret.
    private static func reason(for error: any Error) -> String {
        switch error {
        case let error as SettingError: error.description
        case let error as YamlError: place(of: error)
        case DecodingError.keyNotFound(let key, let context): "\(path(context.codingPath + [key])) is missing"
        case DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context),
            DecodingError.dataCorrupted(let context):
            if let cause = context.underlyingError as? SettingError {
                "\(path(context.codingPath)): \(cause)"
            } else {
                "\(path(context.codingPath)) is not what belongs there"
            }
        default: error.localizedDescription
        }
    }

    private static func place(of error: YamlError) -> String {
        switch error {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _), .composer(_, let problem, let mark, _):
            "\(problem) in line \(mark.line)"
        default: "it is not YAML"
        }
    }

    private static func path(_ keys: [any CodingKey]) -> String {
        keys.map { key in key.intValue.map { "number \($0 + 1)" } ?? key.stringValue }.joined(separator: ".")
    }
}

/// The names that a part of a file may have, and their parts.
struct SettingNames: Sendable {
    /// For a value without parts.
    static let none = SettingNames([:])

    private let parts: [String: SettingNames]

    init(_ parts: [String: SettingNames]) {
        self.parts = parts
    }

    /// Throws ``SettingError`` for a name that is not known.
    func check(_ node: Yams.Node, _ place: String) throws(SettingError) {
        if let sequence = node.sequence {
            for element in sequence { try check(element, place) }
        } else if let mapping = node.mapping {
            for (key, value) in mapping {
                let name = key.string ?? ""
                guard let part = parts[name] else { throw SettingError("\(place) has no \"\(name)\"") }
                try part.check(value, "\(place).\(name)")
            }
        }
    }
}
