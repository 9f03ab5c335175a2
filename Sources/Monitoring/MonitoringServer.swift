import Hummingbird
import HummingbirdCore
public import Logging
import NIOCore
public import RivuletBroker
import ServiceLifecycle

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Where monitoring listens.
public struct MonitoringAddress: Sendable, Hashable, CustomStringConvertible {
    /// The host as it was configured.
    public let host: String
    /// The port, also if it was configured as 0.
    public let port: Int
    /// `http://host:port`
    public var description: String { "http://\(host.contains(":") ? "[\(host)]" : host):\(port)" }
}

/// Serves what a broker tells about itself over HTTP: `/healthz`, `/varz`, `/connz` and `/subsz` as nats-server does, `/metrics` for
/// Prometheus.
public struct MonitoringServer: Sendable {
    private static let mostConnections = 64
    private static let idleTimeout: TimeAmount = .seconds(30)
    /// How long requests under way may take when it ends.
    private static let patience: Duration = .seconds(1)

    private let configuration: MonitoringConfiguration
    private let broker: Broker
    private let trouble: @Sendable () -> String?
    private let metrics: @Sendable () -> [MetricFamily]
    private let logger: Logger

    /// A server that does not listen yet.
    ///
    /// - Parameters:
    ///   - trouble: Why the node cannot serve though its broker does, as a sentence; nil if it can. Must not wait.
    ///   - metrics: What `/metrics` tells besides the broker's and what swift-metrics has. Must not wait.
    public init(
        configuration: MonitoringConfiguration, broker: Broker, trouble: @escaping @Sendable () -> String? = { nil },
        metrics: @escaping @Sendable () -> [MetricFamily] = { [] }, logger: Logger
    ) {
        self.configuration = configuration
        self.broker = broker
        self.trouble = trouble
        self.metrics = metrics
        var logger = logger
        // That it listens and ends is told by who runs it.
        logger.logLevel = max(logger.logLevel, .warning)
        self.logger = logger
    }

    /// Serves while `body` runs, also when a graceful shutdown has begun: until its end, `/healthz` has something to tell.
    ///
    /// - Throws: ``MonitoringError`` before `body` is called, when it cannot listen; and what `body` throws.
    public func whileListening<Result: Sendable>(_ body: (MonitoringAddress) async throws -> Result) async throws -> Result {
        let listening = AsyncThrowingStream<Int, any Error>.makeStream(bufferingPolicy: .bufferingNewest(1))
        let group = makeService { listening.continuation.yield($0) }
        // Detached, since the task's graceful shutdown is not to be the server's. It is awaited on every way out.
        let running = Task.detached {
            do {
                try await group.run()
                listening.continuation.finish()
            } catch {
                listening.continuation.finish(throwing: error)
            }
        }
        do {
            let port = try await port(from: listening.stream)
            let result = try await body(MonitoringAddress(host: configuration.host, port: port))
            await end(group, running)
            return result
        } catch {
            await end(group, running)
            throw error
        }
    }

    private func port(from stream: AsyncThrowingStream<Int, any Error>) async throws -> Int {
        do {
            for try await port in stream { return port }
            throw CancellationError()
        } catch let error as CancellationError {
            throw error
        } catch {
            let place = MonitoringAddress(host: configuration.host, port: configuration.port)
            if let error = error as? IOError, error.errnoCode == EADDRINUSE {
                let message = "cannot serve monitoring at \(place): another program listens there; choose another httpPort"
                throw MonitoringError(.addressInUse, message, cause: error)
            }
            throw MonitoringError(.cannotListen, "cannot serve monitoring at \(place): \(error)", cause: error)
        }
    }

    private func makeService(_ onListening: @escaping @Sendable (Int) -> Void) -> ServiceGroup {
        let configured = configuration.port
        let page = ServerPage(broker: broker, host: configuration.host)
        let responder = MonitoringResponder(broker: broker, server: page, trouble: trouble, metrics: metrics)
        let application = Application(
            responder: responder,
            server: .http1(configuration: HTTP1Channel.Configuration(idleTimeout: Self.idleTimeout)),
            configuration: ApplicationConfiguration(
                address: .hostname(configuration.host, port: configured),
                availableConnectionsDelegate: MaximumAvailableConnections(Self.mostConnections, logger: logger)),
            onServerRunning: { channel in
                let port = channel.localAddress?.port ?? configured
                page.setPort(port)
                onListening(port)
            },
            logger: logger)
        return ServiceGroup(configuration: ServiceGroupConfiguration(services: [application], logger: logger))
    }

    private func end(_ group: ServiceGroup, _ running: Task<Void, Never>) async {
        await group.triggerGracefulShutdown()
        await withTaskGroup(of: Void.self) { tasks in
            tasks.addTask { await running.value }
            tasks.addTask {
                try? await Task.sleep(for: Self.patience)
                running.cancel()
            }
            await tasks.next()
            tasks.cancelAll()
        }
    }
}
