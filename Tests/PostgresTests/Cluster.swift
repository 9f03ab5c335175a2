import Foundation
import Logging
import RivuletBackbone
import RivuletPostgres
import RivuletSubscriptions
import Synchronization
import TestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A PostgreSQL server of the tests' own: a data directory that was made for it, a loopback port that was free, `fsync` on. It ends with the
/// process that started it.
final class Cluster: Sendable {
    struct NotStarted: Error, CustomStringConvertible {
        let description: String
    }

    /// The one that most tests share, each with a database of its own.
    static let shared: Result<Cluster, any Error> = Result { try Cluster() }

    static let password = "se%cret"
    let port: Int
    private let directory: String
    private let binaries: String
    private let server = Mutex<Process?>(nil)
    private let databases = Mutex(0)

    /// Makes a cluster and starts it.
    ///
    /// - Parameters:
    ///   - options: Settings of the server, as `fsync=off`.
    ///   - isEncrypted: Whether it takes only connections with TLS.
    init(options: [String] = [], isEncrypted: Bool = false) throws {
        binaries = try Self.findBinaries()
        directory = FileManager.default.temporaryDirectory.path + "/rivulet-postgres-\(UUID().uuidString.prefix(8))"
        port = try Self.freePort()
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
        if getuid() == 0 { try Self.run(["chown", "postgres", directory]) }
        try Data(Self.password.utf8).write(to: URL(fileURLWithPath: directory + "/password"))
        try Self.run(["chmod", "a+r", directory + "/password"])
        let initialize = [
            "\(binaries)/initdb", "--pgdata", "\(directory)/data", "--username", "tester", "--pwfile", "\(directory)/password",
            "--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C", "--no-instructions",
        ]
        try Self.run(Self.unprivileged(initialize))
        let settings = ["listen_addresses=127.0.0.1", "port=\(port)", "unix_socket_directories=\(directory)", "max_connections=400"]
        let encryption = isEncrypted ? try installCertificate() : []
        let text = (settings + encryption + options).map { setting in
            let parts = setting.split(separator: "=", maxSplits: 1)
            return "\(parts[0]) = '\(parts[1])'\n"
        }.joined()
        let file = try FileHandle(forWritingTo: URL(fileURLWithPath: "\(directory)/data/postgresql.conf"))
        try file.seekToEnd()
        try file.write(contentsOf: Data(text.utf8))
        try file.close()
        try start()
        atexit { if case .success(let cluster) = Cluster.shared { cluster.remove() } }
    }

    deinit { remove() }

    /// Certificates of the tests, as PostgreSQL wants them: the key is its user's alone.
    private func installCertificate() throws -> [String] {
        let data = "\(directory)/data"
        for (name, copy) in [("server.pem", "server.crt"), ("server-key.pem", "server.key")] {
            try Self.run(["cp", "\(Self.certificates)/\(name)", "\(data)/\(copy)"])
            try Self.run(["chmod", "600", "\(data)/\(copy)"])
            if getuid() == 0 { try Self.run(["chown", "postgres", "\(data)/\(copy)"]) }
        }
        try Data("hostssl all all 127.0.0.1/32 scram-sha-256\n".utf8).write(to: URL(fileURLWithPath: "\(data)/pg_hba.conf"))
        return ["ssl=on"]
    }

    /// The folder of the tests' certificates.
    static let certificates = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().path + "/Certificates"

    /// The address of a database in it.
    ///
    /// - Parameter port: Of what stands before the server, if something does.
    func url(_ database: String, through port: Int? = nil) -> String {
        "postgres://tester:\(Self.password.replacing("%", with: "%25"))@127.0.0.1:\(port ?? self.port)/\(database)"
    }

    /// A database with nothing in it.
    func makeDatabase() throws -> String {
        let name = databases.withLock { count in
            count += 1
            return "test\(count)"
        }
        try execute("CREATE DATABASE \(name)", in: "postgres")
        return name
    }

    /// Runs SQL with psql, and gives the rows, their columns separated by `|`.
    @discardableResult
    func execute(_ sql: String, in database: String, through port: Int? = nil) throws -> String {
        try Self.run(["\(binaries)/psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", sql, url(database, through: port)])
            .trimmingCharacters(in: .whitespacesAndNewlines)
    }

    // MARK: Life and death

    /// Starts the server and waits until it takes connections.
    func start() throws {
        _ = FileManager.default.createFile(atPath: directory + "/log", contents: nil)
        let log = FileHandle(forWritingAtPath: directory + "/log")
        let process = try Process.start { process in
            process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
            process.arguments = Self.unprivileged(["\(binaries)/postgres", "-D", "\(directory)/data"])
            process.standardOutput = log
            process.standardError = log
        }
        server.withLock { $0 = process }
        let patience = ContinuousClock.now + .seconds(60)
        while (try? execute("SELECT 1", in: "postgres")) != "1" {
            guard process.isRunning, ContinuousClock.now < patience else {
                let said = (try? String(contentsOfFile: directory + "/log", encoding: .utf8)) ?? ""
                throw NotStarted(description: "PostgreSQL did not start: \(said)")
            }
            usleep(50_000)
        }
    }

    /// What a crash of the machine does to the processes.
    func killAll() {
        let process = server.withLock { server in
            defer { server = nil }
            return server
        }
        guard let process else { return }
        signalAll(SIGKILL)
        process.waitUntilExit()
    }

    /// Stops all processes where they are, until what it gives is called.
    func freeze() -> @Sendable () -> Void {
        let frozen = signalAll(SIGSTOP)
        return { for process in frozen { kill(process, SIGCONT) } }
    }

    private func remove() {
        killAll()
        try? FileManager.default.removeItem(atPath: directory)
    }

    /// To the first process, as the server itself notes it, and then to those that it had started by then.
    ///
    /// - Returns: The processes.
    @discardableResult
    private func signalAll(_ signal: Int32) -> [pid_t] {
        let lines = (try? String(contentsOfFile: directory + "/data/postmaster.pid", encoding: .utf8)) ?? ""
        guard let first = lines.split(separator: "\n").first.flatMap({ pid_t($0) }) else { return [] }
        // Those of a server that is killed have another parent soon.
        let (before, _) = (Self.children(of: first), kill(first, signal))
        let others = Set(before).union(Self.children(of: first))
        for process in others { kill(process, signal) }
        return [first] + others
    }

    private static func children(of parent: pid_t) -> [pid_t] {
        #if os(Linux)
            let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
            return names.compactMap { pid_t($0) }.filter { process in
                // The name, which stands in parentheses, may have blanks; the parent is the second after it.
                let text = (try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)) ?? ""
                return text.split(separator: ")").last?.split(separator: " ").dropFirst().first.flatMap { pid_t($0) } == parent
            }
        #else
            let lines = (try? run(["pgrep", "-P", "\(parent)"])) ?? ""
            return lines.split(separator: "\n").compactMap { pid_t($0) }
        #endif
    }

    // MARK: Programs

    private static func findBinaries() throws -> String {
        var candidates = [(try? run(["pg_config", "--bindir"]))?.trimmingCharacters(in: .whitespacesAndNewlines)].compactMap(\.self)
        let versions = (try? FileManager.default.contentsOfDirectory(atPath: "/usr/lib/postgresql")) ?? []
        candidates += versions.sorted { (Int($0) ?? 0) > (Int($1) ?? 0) }.map { "/usr/lib/postgresql/\($0)/bin" }
        guard let found = candidates.first(where: { FileManager.default.isExecutableFile(atPath: $0 + "/initdb") }) else {
            throw NotStarted(description: "PostgreSQL's server is not installed; make test installs it")
        }
        return found
    }

    /// PostgreSQL refuses to run as root.
    static func unprivileged(_ command: [String]) -> [String] {
        getuid() == 0 ? ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--clear-groups"] + command : command
    }

    static func freePort() throws -> Int {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { address in
            address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(descriptor, address, length) == 0 && getsockname(descriptor, address, &length) == 0
            }
        }
        guard isBound else { throw NotStarted(description: "no port is free") }
        return Int(UInt16(bigEndian: address.sin_port))
    }

    @discardableResult
    private static func run(_ command: [String]) throws -> String {
        let (process, (output, errors)) = try Process.start { process in
            process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
            process.arguments = command
            process.currentDirectoryURL = URL(fileURLWithPath: "/")
            let (output, errors) = (Pipe(), Pipe())
            process.standardOutput = output
            process.standardError = errors
            return (output, errors)
        }
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        let said = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw NotStarted(description: "\(command[0]) failed: \(said)\(text)") }
        return text
    }
}
