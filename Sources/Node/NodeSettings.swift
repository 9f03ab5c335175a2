import Configuration
import Logging
import RivuletBroker
import RivuletWire
import SystemPackage

/// What flags, environment and file say together, the first before the second before the third.
struct NodeSettings: Sendable {
    var node = NodeConfiguration()
    var logLevel = Logger.Level.info

    static func resolve(_ options: NodeOptions) async throws -> NodeSettings {
        let environment = ConfigReader(provider: EnvironmentVariablesProvider()).scoped(to: "rivulet")
        let file = try await (options.config ?? environment.string(forKey: "config")).asyncMap(read)
        let sources = SettingSources(environment: environment, file: file)
        var settings = NodeSettings()
        settings.node.broker.host = options.host ?? sources.text("host") ?? settings.node.broker.host
        settings.node.broker.port = try options.port ?? sources.number("port") ?? settings.node.broker.port
        guard (0...65_535).contains(settings.node.broker.port) else {
            throw SettingError("port \(settings.node.broker.port) is not between 0 and 65535")
        }
        if let store = options.store ?? sources.text("store") { settings.node.store = try StoreConfiguration(store) }
        if let level = options.logLevel ?? sources.text("logLevel") {
            guard let known = Logger.Level(rawValue: level) else { throw SettingError("log level \"\(level)\" is not one of \(levels)") }
            settings.logLevel = known
        }
        if let name = sources.text("serverName") { settings.node.broker.serverName = name }
        if let bytes = try sources.positive("maxPayload") { settings.node.broker.limits.payload = bytes }
        if let count = try sources.positive("maxConnections") { settings.node.broker.maximumConnections = count }
        if let bytes = try sources.positive("maxPending") { settings.node.broker.maximumPending = bytes }
        if let seconds = try sources.positive("pingInterval") { settings.node.broker.pingInterval = .seconds(seconds) }
        if let seconds = try sources.positive("idempotencyWindow") { settings.node.objects.idempotencyWindow = .seconds(seconds) }
        return settings
    }

    private static let levels = Logger.Level.allCases.map(\.rawValue).joined(separator: ", ")

    private static func read(_ path: String) async throws -> ConfigReader {
        do {
            if path.hasSuffix(".json") {
                return ConfigReader(provider: try await FileProvider<JSONSnapshot>(filePath: FilePath(path)))
            }
            return ConfigReader(provider: try await FileProvider<YAMLSnapshot>(filePath: FilePath(path)))
        } catch {
            throw SettingError("the configuration file \(path) cannot be read: \(error)")
        }
    }
}

/// Looks settings up by name.
private struct SettingSources {
    let environment: ConfigReader
    let file: ConfigReader?

    func text(_ key: ConfigKey) -> String? {
        for source in [environment, file].compactMap({ $0 }) {
            if let text = source.string(forKey: key) ?? source.int(forKey: key).map(String.init) { return text }
        }
        return nil
    }

    func number(_ key: ConfigKey) throws(SettingError) -> Int? {
        guard let text = text(key) else { return nil }
        guard let number = Int(text) else { throw SettingError("\(key) \"\(text)\" is not a number") }
        return number
    }

    func positive(_ key: ConfigKey) throws(SettingError) -> Int? {
        guard let number = try number(key) else { return nil }
        guard number > 0 else { throw SettingError("\(key) \(number) is not positive") }
        return number
    }
}

extension Optional {
    fileprivate func asyncMap<Result>(_ transform: (Wrapped) async throws -> Result) async rethrows -> Result? {
        guard let self else { return nil }
        return try await transform(self)
    }
}
