import Logging
import RivuletBroker

/// Runs a broker at a free port of loopback while the body runs.
func withBroker(
    _ configure: (inout BrokerConfiguration) -> Void = { _ in }, _ body: (Broker, Broker.Address) async throws -> Void
) async throws {
    var configuration = BrokerConfiguration()
    configuration.port = 0
    configuration.serverName = "test"
    // A machine that runs all tests at once may take its time; those about time-outs set their own.
    configuration.authenticationTimeout = .seconds(60)
    configure(&configuration)
    let broker = Broker(configuration: configuration, logger: quiet)
    let address = try await broker.start()
    do {
        try await body(broker, address)
    } catch {
        await broker.shutdown()
        throw error
    }
    await broker.shutdown()
}

/// A logger that says nothing.
let quiet = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
