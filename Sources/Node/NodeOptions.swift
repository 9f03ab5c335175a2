public import ArgumentParser
import Logging
public import RivuletObjects
import ServiceLifecycle
import UnixSignals

/// The options every server executable takes.
public struct NodeOptions: ParsableArguments {
    /// See the help text.
    @Option(help: ArgumentHelp("Address to listen at (default: 127.0.0.1).", valueName: "address"))
    public var host: String?

    /// See the help text.
    @Option(help: "TCP port; 0 for any that is free (default: 4222).")
    public var port: Int?

    /// See the help text.
    @Option(
        help: ArgumentHelp("Where objects and events are kept: memory or sqlite:PATH (default: sqlite:rivulet.sqlite).", valueName: "store")
    )
    public var store: String?

    /// See the help text.
    @Option(help: ArgumentHelp("YAML or JSON file with settings; flags and RIVULET_… variables come before it.", valueName: "file"))
    public var config: String?

    /// See the help text.
    @Option(help: ArgumentHelp("trace, debug, info, notice, warning, error or critical (default: info).", valueName: "level"))
    public var logLevel: String?

    /// Nothing given.
    public init() {}

    /// Runs a node until SIGTERM or SIGINT.
    ///
    /// - Throws: ``SettingError`` and what ``Node/run()`` throws.
    public func run(hosting objects: [any ServiceObject.Type], dependencies: Dependencies = Dependencies()) async throws {
        let settings = try await NodeSettings.resolve(self)
        LoggingSystem.bootstrap { StreamLogHandler.standardError(label: $0) }
        var logger = Logger(label: "rivulet")
        logger.logLevel = settings.logLevel
        let node = Node(configuration: settings.node, hosting: objects, dependencies: dependencies, logger: logger)
        let service = ServiceGroupConfiguration.ServiceConfiguration(
            service: node, successTerminationBehavior: .gracefullyShutdownGroup, failureTerminationBehavior: .cancelGroup)
        var group = ServiceGroupConfiguration(
            services: [service], gracefulShutdownSignals: [.sigterm, .sigint],
            logger: Logger(label: "rivulet") { _ in SwiftLogNoOpLogHandler() })
        group.maximumGracefulShutdownDuration = .seconds(30)
        try await ServiceGroup(configuration: group).run()
    }
}
