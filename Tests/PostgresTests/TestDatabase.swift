import Foundation
import Logging
import RivuletBackbone
import RivuletPostgres
import RivuletSubscriptions
import RivuletTesting
import Synchronization
import TestSupport

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
            configuration.url = try PostgresURL(cluster.url(name, through: port) + "?sslmode=disable&gssencmode=disable")
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

    /// The nodes, and the database's clock, which stands but for what a check lets pass.
    func fixture(for nodes: SeveralNodes) async throws -> ClusterFixture {
        try await execute(
            """
            CREATE TABLE test_clock AS SELECT now() AS moment;
            CREATE OR REPLACE FUNCTION rivulet.moment() RETURNS timestamptz LANGUAGE sql VOLATILE AS 'SELECT moment FROM test_clock';
            """)
        return ClusterFixture(backbone: nodes) { duration in
            let milliseconds = Int(duration / .milliseconds(1))
            try await self.execute("UPDATE test_clock SET moment = moment + \(milliseconds) * interval '1 millisecond'")
        }
    }

    /// Runs `body` while a transaction of somebody else's holds what the statement locks, until ``unlock()`` or `body` is over.
    func withLocked(by statement: String, _ body: () async throws -> Void) async throws {
        async let holder = execute("BEGIN; \(statement); SELECT pg_sleep(100)")
        try await until { try await self.sessions("query LIKE '%pg_sleep(100)%' AND wait_event = 'PgSleep'") == 1 }
        do {
            try await body()
        } catch {
            try await unlock()
            throw error
        }
        try await unlock()
        _ = try? await holder
    }

    func unlock() async throws {
        try await execute("SELECT pg_terminate_backend(pid) \(Self.others) AND query LIKE '%pg_sleep(100)%'")
    }

    /// How many of the database's sessions a condition is true of, but for the one that asks.
    func sessions(_ condition: String) async throws -> Int? {
        Int(try await execute("SELECT count(*) \(Self.others) AND \(condition)"))
    }

    private static let others = "FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()"

    /// Ends the sessions in which backbones listen.
    func endListeners() async throws {
        try await execute(
            """
            SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = '\(name)' AND application_name = 'rivulet' AND query LIKE '%relay_%' AND query NOT LIKE '%relay_send%'
            """)
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
