import Foundation
import Logging
import Rivulet
import RivuletClient
import ServiceLifecycle

/// Runs `body` against a node that listens on a free port and keeps its objects at `store`; then shuts it down in order.
func withRunningNode<Result: Sendable>(
    store: StoreConfiguration, hosting objects: any ServiceObject.Type..., dependencies: Dependencies = Dependencies(),
    configure: (inout NodeConfiguration) -> Void = { _ in }, _ body: (RunningNode) async throws -> Result
) async throws -> Result {
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    var configuration = NodeConfiguration(port: 0, store: store)
    configuration.broker.authenticationTimeout = .seconds(60)
    configure(&configuration)
    let node = Node(
        configuration: configuration, hosting: objects, dependencies: dependencies, logger: logger)
    let group = ServiceGroup(
        configuration: ServiceGroupConfiguration(
            services: [
                .init(service: node, successTerminationBehavior: .gracefullyShutdownGroup, failureTerminationBehavior: .cancelGroup)
            ],
            logger: logger))
    return try await withThrowingTaskGroup(of: Void.self) { tasks in
        tasks.addTask { try await group.run() }
        let result: Result
        do {
            let address = try await node.address
            result = try await body(RunningNode(url: address.description, group: group))
        } catch let error where !(error is CancellationError) {
            await group.triggerGracefulShutdown()
            throw error
        } catch {
            try await tasks.waitForAll()  // why the node did not start
            throw error
        }
        await group.triggerGracefulShutdown()
        try await tasks.waitForAll()
        return result
    }
}

struct RunningNode: Sendable {
    let url: String
    private let group: ServiceGroup

    init(url: String, group: ServiceGroup) {
        self.url = url
        self.group = group
    }

    func url(user: String, password: String) -> String {
        url.replacing("://", with: "://\(user):\(password)@")
    }

    func shutDown() async {
        await group.triggerGracefulShutdown()
    }
}

/// A directory of the test's own, removed afterwards.
func withTemporaryDirectory<Result>(_ body: (String) async throws -> Result) async throws -> Result {
    let path = FileManager.default.temporaryDirectory.appending(path: "rivulet-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try await body(path)
}
