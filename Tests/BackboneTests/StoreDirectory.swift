import Foundation
import Logging
import RivuletSQLite
import RivuletSubscriptions
import RivuletTesting

/// A directory of a test's own, in which it keeps a store.
struct StoreDirectory: Sendable {
    let path: String
    let time = ManualTime()

    var file: String { path + "/store.sqlite" }

    /// Makes a directory, and removes it with all in it after `body`.
    static func with<Value>(_ body: (StoreDirectory) async throws -> Value) async throws -> Value {
        let path = FileManager.default.temporaryDirectory.path + "/rivulet-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(atPath: path) }
        return try await body(StoreDirectory(path: path))
    }

    func open(
        isExclusive: Bool = false, lockTimeout: Duration = .seconds(30), busyTimeout: Duration = .seconds(2)
    ) async throws -> SQLiteBackbone {
        try await open(file, isExclusive: isExclusive, lockTimeout: lockTimeout, busyTimeout: busyTimeout)
    }

    func open(
        _ path: String, isExclusive: Bool = false, lockTimeout: Duration = .seconds(30), busyTimeout: Duration = .seconds(2),
        logger: Logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    ) async throws -> SQLiteBackbone {
        try await SQLiteBackbone.open(
            SQLiteConfiguration(path: path, isExclusive: isExclusive, lockTimeout: lockTimeout, busyTimeout: busyTimeout), time: time,
            clock: clock(boot: "today"), logger: logger)
    }

    /// A host's clock that goes with the time.
    func clock(boot: String) -> HostClock {
        let time = time
        return HostClock(boot: boot) { Int64(time.now / .nanoseconds(1)) }
    }

    /// Runs `body` on so many nodes that have the same file open, and closes them after.
    func withNodes(_ count: Int, _ body: ([SQLiteBackbone]) async throws -> Void) async throws {
        var nodes: [SQLiteBackbone] = []
        for _ in 0..<count { nodes.append(try await open()) }
        try await body(nodes)
        for node in nodes { try await node.close() }
    }

    /// The same with a process for each node.
    func withProcesses(_ count: Int, _ body: ([StoreProcess]) async throws -> Void) async throws {
        let nodes = try (0..<count).map { _ in try StoreProcess(path: file, time: time) }
        try await body(nodes)
        for node in nodes { try await node.close() }
    }
}
