public import ArgumentParser
import Logging
import RivuletMonitoring
public import RivuletObjects
import ServiceLifecycle
import UnixSignals

/// The options every server executable takes.
public struct NodeOptions: ParsableArguments, Sendable {
    /// See the help text.
    @Option(help: ArgumentHelp("Address to listen at (default: 127.0.0.1).", valueName: "address"))
    public var host: String?

    /// See the help text.
    @Option(help: "TCP port; 0 for any that is free (default: 4222).")
    public var port: Int?

    /// See the help text.
    @Option(help: "TCP port of monitoring over HTTP (default: none).")
    public var httpPort: Int?

    /// See the help text.
    @Option(
        help: ArgumentHelp(
            """
            Where objects and events are kept: memory, sqlite:PATH or postgres://USER@HOST/DATABASE (default: sqlite:rivulet.sqlite). Put \
            a password into RIVULET_STORE.
            """, valueName: "store"))
    public var store: String?

    /// See the help text.
    @Flag(help: "Share the store and its objects with other nodes.")
    public var cluster = false

    /// See the help text.
    @Option(help: ArgumentHelp("YAML or JSON file with settings; flags and RIVULET_… variables come before it.", valueName: "file"))
    public var config: String?

    /// See the help text.
    @Option(help: ArgumentHelp("trace, debug, info, notice, warning, error or critical (default: info).", valueName: "level"))
    public var logLevel: String?

    /// See the help text.
    @Option(help: ArgumentHelp("Most bytes of a message (default: 1048576).", valueName: "bytes"))
    public var maxPayload: Int?

    /// See the help text.
    @Option(help: ArgumentHelp("Most clients at a time (default: 65536).", valueName: "count"))
    public var maxConnections: Int?

    /// See the help text.
    @Option(
        help: ArgumentHelp(
            "Name of a user who may connect, with --password; then nobody else may, but those in the file.", valueName: "name"))
    public var user: String?

    /// See the help text.
    @Option(
        help: ArgumentHelp(
            "The user's password or its bcrypt hash. Others on this machine can read flags: better use RIVULET_PASSWORD.",
            valueName: "secret"))
    public var password: String?

    /// See the help text.
    @Option(
        help: ArgumentHelp("A token, or its bcrypt hash, with which clients may connect; better use RIVULET_TOKEN.", valueName: "secret"))
    public var token: String?

    /// See the help text.
    @Option(help: ArgumentHelp("PEM file with the server's certificate and those above it; turns TLS on.", valueName: "file"))
    public var tlsCert: String?

    /// See the help text.
    @Option(help: ArgumentHelp("PEM file with the private key of the server's certificate.", valueName: "file"))
    public var tlsKey: String?

    /// See the help text.
    @Option(help: ArgumentHelp("PEM file with the certificates of those who sign clients' certificates.", valueName: "file"))
    public var tlsCa: String?

    /// See the help text.
    @Flag(help: "Let in only clients with a certificate.")
    public var tlsVerify = false

    /// See the help text.
    @Option(help: "TCP port for WebSocket connections, as browsers make them; 0 for any that is free (default: none).")
    public var websocketPort: Int?

    /// See the help text.
    @Flag(help: "Print a settings file with every key, and end.")
    public var printConfig = false

    /// Nothing given.
    public init() {}

    /// Runs a node until SIGTERM, SIGINT, or SIGUSR2, which is nats-server's for lame duck mode. At SIGHUP it reads anew who may connect, and certificates.
    ///
    /// - Throws: ``SettingError`` and what ``Node/run()`` throws.
    public func run(hosting objects: [any ServiceObject.Type], dependencies: Dependencies = Dependencies()) async throws {
        if printConfig { return print(SettingsText.yaml, terminator: "") }
        let settings = try NodeSettings.resolve(self)
        if settings.node.monitoring != nil { PrometheusMetrics.bootstrap() }
        LoggingSystem.bootstrap { StreamLogHandler.standardError(label: $0) }
        var logger = Logger(label: "rivulet")
        logger.logLevel = settings.logLevel
        let node = Node(configuration: settings.node, hosting: objects, dependencies: dependencies, logger: logger)
        let service = ServiceGroupConfiguration.ServiceConfiguration(
            service: node, successTerminationBehavior: .gracefullyShutdownGroup, failureTerminationBehavior: .cancelGroup)
        let reloading = SettingsReloading(options: self, node: node, logger: logger)
        var group = ServiceGroupConfiguration(
            services: [service, .init(service: reloading)], gracefulShutdownSignals: [.sigterm, .sigint, .sigusr2],
            logger: Logger(label: "rivulet") { _ in SwiftLogNoOpLogHandler() })
        group.maximumGracefulShutdownDuration = settings.node.broker.lameDuckDuration + .seconds(30)
        try await ServiceGroup(configuration: group).run()
    }
}
