import Logging
import RivuletBackbone
import RivuletBroker
import RivuletObjects

/// Nodes in this process that share a store and the time.
struct TestCluster {
    private let nodes: [TestNode]

    init(
        _ count: Int, hosting objects: [any ServiceObject.Type], dependencies: Dependencies, configuration: ObjectHostConfiguration,
        store: (any ObjectStore & EventLog)?
    ) {
        let time = ManualTime()
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let backbone = store ?? InMemoryBackbone(time: time)
        var configuration = configuration
        configuration.eventLookPause = .zero  // the time stands still
        let parts = (0..<count).map { _ in
            let broker = Broker(configuration: BrokerConfiguration(), logger: logger)
            let host = ObjectHost(
                hosting: objects, bus: broker, store: backbone, log: backbone, time: time, dependencies: dependencies,
                configuration: configuration, logger: logger)
            return (host: host, broker: broker)
        }
        let clock = TestClock(time: time, hosts: parts.map(\.host))
        nodes = parts.map { TestNode(host: $0.host, broker: $0.broker, clock: clock) }
    }

    func run<Result>(_ body: ([TestNode]) async throws -> Result) async throws -> Result {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for node in nodes { group.addTask { await node.host.run() } }
            do {
                for node in nodes { try await node.start() }
                let result = try await body(nodes)
                for node in nodes { await node.stop() }
                return result
            } catch {
                for node in nodes { await node.stop() }
                throw error
            }
        }
    }
}
