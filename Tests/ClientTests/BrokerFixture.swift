import Logging
import RivuletBroker
import Synchronization
import Testing

@testable import RivuletClient

extension ClientOutbox {
    /// Whether it writes to the socket directly.
    var isClear: Bool {
        state.withLock { if case .connected(let link) = $0.phase { link.isClear } else { false } }
    }
}

/// A logger that says nothing.
let quiet = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

/// A broker that can be stopped, and started again at the same port.
final class RestartableBroker: Sendable {
    private let configuration: BrokerConfiguration
    private let state: Mutex<Broker>
    let port: Int

    private init(_ configuration: BrokerConfiguration, _ broker: Broker, port: Int) {
        self.configuration = configuration
        state = Mutex(broker)
        self.port = port
    }

    static func start(_ configure: (inout BrokerConfiguration) -> Void = { _ in }) async throws -> RestartableBroker {
        var configuration = BrokerConfiguration()
        configuration.port = 0
        // A machine that runs all tests at once may take its time.
        configuration.authenticationTimeout = .seconds(60)
        configure(&configuration)
        let broker = Broker(configuration: configuration, logger: quiet)
        let address = try await broker.start()
        configuration.port = address.port
        return RestartableBroker(configuration, broker, port: address.port)
    }

    var url: String { "nats://127.0.0.1:\(port)" }
    var bus: Broker { state.withLock { $0 } }

    func stop() async { await bus.shutdown() }

    func startAgain() async throws {
        let broker = Broker(configuration: configuration, logger: quiet)
        state.withLock { $0 = broker }
        try await broker.start()
    }
}

/// Runs a broker while the body runs.
func withBroker(
    _ configure: (inout BrokerConfiguration) -> Void = { _ in }, _ body: (RestartableBroker) async throws -> Void
) async throws {
    let broker = try await RestartableBroker.start(configure)
    do {
        try await body(broker)
    } catch {
        await broker.stop()
        throw error
    }
    await broker.stop()
}

/// Runs a broker and a client of it while the body runs.
func withClient(
    _ configure: (inout ClientConfiguration) -> Void = { _ in }, _ body: (RivuletClient, RestartableBroker) async throws -> Void
) async throws {
    var configuration = ClientConfiguration(name: "test")
    configuration.reconnectWait = .milliseconds(5)
    configuration.maximumReconnectWait = .milliseconds(20)
    configure(&configuration)
    try await withBroker { broker in
        try await withRivuletClient(broker.url, configuration: configuration) { try await body($0, broker) }
    }
}

/// Reads statuses until one is as wanted.
func wait(_ statuses: inout AsyncStream<ClientStatus>.Iterator, for isWanted: (ClientStatus) -> Bool) async throws {
    while let status = await statuses.next() {
        if isWanted(status) { return }
    }
    Issue.record("the statuses ended before the one that was awaited")
}

extension ClientStatus {
    var isReconnected: Bool { if case .reconnected = self { true } else { false } }
    var isDisconnected: Bool { if case .disconnected = self { true } else { false } }
}

func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
