import Foundation
import Logging
import RivuletBackbone
import RivuletPostgres
import RivuletSubscriptions
import RivuletTesting
import Synchronization

/// A database of a test's own, and the backbones that it opens on it, which are closed when the test is over.
final class TestDatabase: Sendable {
    let cluster: Cluster
    let name: String
    let time = ManualTime()
    private let opened = Mutex<[PostgresBackbone]>([])

    private init(_ cluster: Cluster, name: String) {
        (self.cluster, self.name) = (cluster, name)
    }

    static func with<Value>(on cluster: Cluster? = nil, _ body: (TestDatabase) async throws -> Value) async throws -> Value {
        let database = try await apart { () throws in
            let cluster = try cluster ?? Cluster.shared.get()
            return TestDatabase(cluster, name: try cluster.makeDatabase())
        }
        do {
            let value = try await body(database)
            await database.close()
            return value
        } catch {
            await database.close()
            throw error
        }
    }

    var configuration: PostgresConfiguration {
        get throws { PostgresConfiguration(url: try PostgresURL(cluster.url(name)), connections: 2) }
    }

    func open(
        logger: Logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, through port: Int? = nil,
        _ change: (inout PostgresConfiguration) -> Void = { _ in }
    ) async throws -> PostgresBackbone {
        var configuration = try configuration
        if let port {
            let url = cluster.url(name).replacing(":\(cluster.port)/", with: ":\(port)/")
            configuration.url = try PostgresURL(url + "?sslmode=disable&gssencmode=disable")
        }
        change(&configuration)
        let backbone = try await PostgresBackbone.open(configuration, time: time, logger: logger)
        opened.withLock { $0.append(backbone) }
        return backbone
    }

    @discardableResult
    func execute(_ sql: String) async throws -> String {
        try await apart { [cluster, name] in try cluster.execute(sql, in: name) }
    }

    private func close() async {
        for backbone in opened.withLock({ $0 }) { await backbone.close() }
    }
}

/// Does what blocks on a thread of its own.
func apart<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
        Thread.detachNewThread { continuation.resume(with: Result(catching: body)) }
    }
}
