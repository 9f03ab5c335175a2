import Configuration
import Foundation
import Logging
import RivuletBroker
import RivuletClient
import RivuletCluster
import RivuletMonitoring
import RivuletPostgres
import RivuletWire

/// What flags, environment and file say together, the first before the second before the third.
struct NodeSettings: Sendable {
    var node = NodeConfiguration()
    var logLevel = Logger.Level.info

    /// Reads the environment and the file.
    ///
    /// - Throws: ``SettingError``.
    static func resolve(_ options: NodeOptions) throws -> NodeSettings {
        let environment = ConfigReader(provider: EnvironmentVariablesProvider()).scoped(to: "rivulet")
        let file = try (options.config ?? environment.string(forKey: "config")).map { (path) throws(SettingError) in
            try SettingsFile(path: path)
        }
        let sources = SettingSources(environment: environment, file: file)
        var settings = NodeSettings()
        settings.node.broker.host = options.host ?? sources.text(.host) ?? settings.node.broker.host
        if let port = try sources.port(.port, flag: options.port) { settings.node.broker.port = port }
        if let port = try sources.port(.httpPort, flag: options.httpPort) {
            var monitoring = MonitoringConfiguration()
            monitoring.port = port
            monitoring.host = sources.text(.httpHost) ?? monitoring.host
            settings.node.monitoring = monitoring
        }
        if let store = options.store ?? sources.text(.store) { settings.node.store = try StoreConfiguration(store) }
        if let risks = sources.text(.storeAcceptedRisks) { settings.node.acceptedRisks = try Self.risks(risks) }
        if let level = options.logLevel ?? sources.text(.logLevel) {
            guard let known = Logger.Level(rawValue: level) else { throw SettingError("log level \"\(level)\" is not one of \(levels)") }
            settings.logLevel = known
        }
        if let name = sources.text(.serverName) { settings.node.broker.serverName = name }
        if let bytes = try sources.positive(.maxPayload, flag: options.maxPayload) { settings.node.broker.limits.payload = bytes }
        if let count = try sources.positive(.maxConnections, flag: options.maxConnections) {
            settings.node.broker.maximumConnections = count
        }
        if let bytes = try sources.positive(.maxPending) { settings.node.broker.maximumPending = bytes }
        if let time = try sources.positiveTime(.pingInterval) { settings.node.broker.pingInterval = time }
        if let count = try sources.positive(.pingMax) { settings.node.broker.maximumPingsOutstanding = count }
        if let time = try sources.time(.lameDuckDuration) { settings.node.broker.lameDuckDuration = time }
        if let time = try sources.time(.lameDuckGracePeriod) { settings.node.broker.lameDuckGracePeriod = time }
        if let time = try sources.positiveTime(.idempotencyWindow) { settings.node.objects.idempotencyWindow = time }
        try settings.authorize(options, sources)
        try settings.encrypt(options, sources)
        try settings.addWebSocket(options, sources)
        try settings.cluster(options, sources)
        return settings
    }

    /// Who may connect: those of the file, and whom flags or the environment name.
    private mutating func authorize(_ options: NodeOptions, _ sources: SettingSources) throws(SettingError) {
        node.broker.auth = try sources.file?.authorization?.configuration()
        if let timeout = sources.file?.authorization?.timeout { node.broker.authenticationTimeout = timeout.duration }
        if let token = options.token ?? sources.text(.token) {
            node.broker.auth = node.broker.auth ?? AuthConfiguration()
            node.broker.auth?.token = Secret(token)
        }
        switch (options.user ?? sources.text(.user), options.password ?? sources.text(.password)) {
        case (nil, nil): break
        case (let name?, let password?) where !name.isEmpty && !password.isEmpty:
            var auth = node.broker.auth ?? AuthConfiguration()
            auth.users.removeAll { $0.name == name }
            auth.users.append(AuthConfiguration.User(name: name, password: Secret(password)))
            node.broker.auth = auth
        default: throw SettingError("a user needs a name and a password")
        }
        guard let auth = node.broker.auth else { return }
        if let name = auth.anonymousUser, !auth.users.contains(where: { $0.name == name }) {
            throw SettingError("authorization.no_auth_user \"\(name)\" is none of the users")
        }
        guard auth.token != nil || !auth.users.isEmpty else {
            throw SettingError("authorization lets nobody in: it needs a token, a user or users")
        }
    }

    /// How connections are encrypted: flags and the environment before the file, file by file.
    private mutating func encrypt(_ options: NodeOptions, _ sources: SettingSources) throws(SettingError) {
        var section = sources.file?.tls
        func set<Value>(_ part: WritableKeyPath<TLSSection, Value?>, _ value: Value?) {
            guard let value else { return }
            section = section ?? TLSSection()
            section?[keyPath: part] = value
        }
        set(\.cert_file, options.tlsCert ?? sources.text(.tlsCert))
        set(\.key_file, options.tlsKey ?? sources.text(.tlsKey))
        set(\.ca_file, options.tlsCa ?? sources.text(.tlsCa))
        let verifies = try sources.bool(.tlsVerify) ?? false
        set(\.verify, options.tlsVerify || verifies ? true : nil)
        node.broker.tls = try section?.configuration()
    }

    /// Where WebSocket connections are taken: only where a port is named.
    private mutating func addWebSocket(_ options: NodeOptions, _ sources: SettingSources) throws(SettingError) {
        let section = sources.file?.webSocket
        guard let port = try sources.port(.websocketPort, flag: options.websocketPort) ?? section?.port else {
            guard section == nil else { throw SettingError("websocket needs a port") }
            return
        }
        guard (0...65_535).contains(port) else { throw SettingError("websocket port \(port) is not between 0 and 65535") }
        var webSocket = WebSocketConfiguration(port: port)
        try section?.apply(to: &webSocket)
        guard section?.no_tls != false || webSocket.tls != nil || node.broker.tls != nil else {
            throw SettingError("websocket.no_tls is false, but there is no TLS")
        }
        node.broker.webSocket = webSocket
    }

    /// Whether, and how, other nodes share the store.
    private mutating func cluster(_ options: NodeOptions, _ sources: SettingSources) throws(SettingError) {
        guard try options.cluster ? true : sources.bool(.cluster) ?? false else { return }
        guard node.store != .memory else { throw .memoryInCluster }
        var cluster = ClusterConfiguration()
        if let time = try sources.time(.clusterTtl) {
            guard time >= .seconds(1) else { throw SettingError("clusterTtl \(sources.text(.clusterTtl) ?? "") is less than a second") }
            cluster.timeToLive = time
        }
        if let address = sources.text(.clusterAdvertise) {
            guard (try? ServerAddress(parsing: address))?.description == "nats://\(address)" else {
                throw SettingError("clusterAdvertise \"\(address)\" is not like 10.0.0.7:4222")
            }
            cluster.advertisedAddress = address
        }
        if let labels = sources.text(.clusterLabels) { cluster.labels = try Self.labels(labels) }
        node.cluster = cluster
    }

    private static func labels(_ text: String) throws(SettingError) -> Set<String> {
        let labels = items(text)
        let isValid = labels.allSatisfy { label in
            !label.isEmpty && label.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-_.".contains($0)) }
        }
        guard isValid else {
            throw SettingError("clusterLabels \"\(text)\" is not like gpu,eu-1: letters, digits, -, _ and . with commas between")
        }
        return Set(labels)
    }

    private static func risks(_ text: String) throws(SettingError) -> Set<PostgresConfiguration.Risk> {
        let risks = items(text).map(PostgresConfiguration.Risk.init(rawValue:))
        guard !risks.contains(nil) else {
            let known = PostgresConfiguration.Risk.allCases.map(\.rawValue).joined(separator: ", ")
            throw SettingError("storeAcceptedRisks \"\(text)\" has to name some of \(known), with commas between")
        }
        return Set(risks.compactMap { $0 })
    }

    private static func items(_ text: String) -> [String] {
        text.split(separator: ",", omittingEmptySubsequences: false).map { $0.trimmingCharacters(in: .whitespaces) }
    }

    private static let levels = Logger.Level.allCases.map(\.rawValue).joined(separator: ", ")
}

/// Looks settings up by name.
private struct SettingSources {
    let environment: ConfigReader
    let file: SettingsFile?

    func text(_ key: SettingKey) -> String? {
        environment.string(forKey: ConfigKey(key.rawValue)) ?? file?.values[key]
    }

    /// In the words that YAML has for it.
    func bool(_ key: SettingKey) throws(SettingError) -> Bool? {
        guard let text = text(key) else { return nil }
        switch text.lowercased() {
        case "true", "yes", "on": return true
        case "false", "no", "off": return false
        default: throw SettingError("\(key) \"\(text)\" is neither true nor false")
        }
    }

    /// - Parameter flag: What the flag says, if there is one.
    func number(_ key: SettingKey, flag: Int? = nil) throws(SettingError) -> Int? {
        if let flag { return flag }
        guard let text = text(key) else { return nil }
        guard let number = Int(text) else { throw SettingError("\(key) \"\(text)\" is not a number") }
        return number
    }

    func positive(_ key: SettingKey, flag: Int? = nil) throws(SettingError) -> Int? {
        guard let number = try number(key, flag: flag) else { return nil }
        guard number > 0 else { throw SettingError("\(key) \(number) is not positive") }
        return number
    }

    func port(_ key: SettingKey, flag: Int?) throws(SettingError) -> Int? {
        guard let number = try number(key, flag: flag) else { return nil }
        guard (0...65_535).contains(number) else { throw SettingError("\(key) \(number) is not between 0 and 65535") }
        return number
    }

    func time(_ key: SettingKey) throws(SettingError) -> Duration? {
        guard let text = text(key) else { return nil }
        guard let span = TimeSpan(text) else { throw SettingError("\(key) \"\(text)\" is not a time such as 90, 1.5s or 2m") }
        return span.duration
    }

    func positiveTime(_ key: SettingKey) throws(SettingError) -> Duration? {
        guard let time = try time(key) else { return nil }
        guard time > .zero else { throw SettingError("\(key) \(text(key) ?? "") is not positive") }
        return time
    }
}
