import Configuration
import Logging
import RivuletBroker
import RivuletMonitoring
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
        if let seconds = try sources.positive(.pingInterval) { settings.node.broker.pingInterval = .seconds(seconds) }
        if let time = try sources.seconds(.lameDuckDuration) { settings.node.broker.lameDuckDuration = time }
        if let time = try sources.seconds(.lameDuckGracePeriod) { settings.node.broker.lameDuckGracePeriod = time }
        if let seconds = try sources.positive(.idempotencyWindow) { settings.node.objects.idempotencyWindow = .seconds(seconds) }
        try settings.authorize(options, sources)
        try settings.encrypt(options, sources)
        try settings.addWebSocket(options, sources)
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
        if let auth = node.broker.auth, let name = auth.anonymousUser, !auth.users.contains(where: { $0.name == name }) {
            throw SettingError("authorization.no_auth_user \"\(name)\" is none of the users")
        }
    }

    /// How connections are encrypted: flags and the environment before the file, file by file.
    private mutating func encrypt(_ options: NodeOptions, _ sources: SettingSources) throws(SettingError) {
        let section = sources.file?.tls
        let certificate = options.tlsCert ?? sources.text(.tlsCert) ?? section?.cert_file
        let key = options.tlsKey ?? sources.text(.tlsKey) ?? section?.key_file
        let authority = options.tlsCa ?? sources.text(.tlsCa) ?? section?.ca_file
        let verify = options.tlsVerify || sources.text(.tlsVerify) == "true" || section?.verify == true
        guard let certificate, let key else {
            let isUntouched = certificate == nil && key == nil && authority == nil && !verify && section == nil
            guard isUntouched else { throw SettingError("TLS needs a certificate and its key") }
            return
        }
        var tls = BrokerTLSConfiguration(certificateFile: certificate, keyFile: key, authorityFile: authority)
        if verify { tls.clientCertificates = .required }
        if section?.verify_and_map == true { tls.clientCertificates = .identify }
        tls.handshakeFirst = section?.handshake_first ?? false
        node.broker.tls = tls
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
        guard section?.no_tls != false || node.broker.tls != nil else {
            throw SettingError("websocket.no_tls is false, but there is no TLS")
        }
        node.broker.webSocket = webSocket
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

    /// Parts of seconds count.
    func seconds(_ key: SettingKey) throws(SettingError) -> Duration? {
        guard let text = text(key) else { return nil }
        guard let seconds = Double(text), (0...1e6).contains(seconds) else {
            throw SettingError("\(key) \"\(text)\" is not a number of seconds")
        }
        return .milliseconds(Int64(seconds * 1000))
    }
}
