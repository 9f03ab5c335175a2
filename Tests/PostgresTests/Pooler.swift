import Foundation
import Synchronization
import TestSupport

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// PgBouncer before a cluster, which gives each transaction the session that is free.
final class Pooler: Sendable {
    let port: Int
    private let directory: String
    private let process: Mutex<Process>

    static let isInstalled = program != nil

    /// Starts it, and waits until it takes connections.
    init(before cluster: Cluster) throws {
        guard let program = Self.program else { throw Cluster.NotStarted(description: "PgBouncer is not installed; make test installs it") }
        port = try Cluster.freePort()
        directory = FileManager.default.temporaryDirectory.path + "/rivulet-pooler-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
        let settings = """
            [databases]
            * = host=127.0.0.1 port=\(cluster.port)
            [pgbouncer]
            listen_addr = 127.0.0.1
            listen_port = \(port)
            unix_socket_dir =
            auth_type = scram-sha-256
            auth_file = \(directory)/users
            pool_mode = transaction
            default_pool_size = 4
            """
        try Data(settings.utf8).write(to: URL(fileURLWithPath: directory + "/settings"))
        try Data("\"tester\" \"\(Cluster.password)\"\n".utf8).write(to: URL(fileURLWithPath: directory + "/users"))
        let command = Cluster.unprivileged([program, "--quiet", directory + "/settings"])
        process = Mutex(
            try Process.start { process in
                process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
                process.arguments = command
                process.standardError = FileHandle.nullDevice
            })
        let patience = ContinuousClock.now + .seconds(30)
        while (try? cluster.execute("SELECT 1", in: "postgres", through: port)) != "1" {
            guard ContinuousClock.now < patience else { throw Cluster.NotStarted(description: "PgBouncer does not answer") }
            usleep(50_000)
        }
    }

    /// Ends it, and all connections through it.
    func end() {
        process.withLock { process in
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
        }
        try? FileManager.default.removeItem(atPath: directory)
    }

    private static let program = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer", "/opt/homebrew/bin/pgbouncer"].first {
        FileManager.default.isExecutableFile(atPath: $0)
    }
}
