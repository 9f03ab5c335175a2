import GRDB
import Logging
import RivuletBackbone

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// What is checked and set before a store may be used. Blocks.
enum SQLiteOpening {
    struct Opened: Sendable {
        let file: StoreFile
        let hold: StoreHold
        let pool: DatabasePool
        /// The pool's connection that writes.
        let writer: Writer
        /// A connection for what only has to outlive processes, not the host's power.
        let clusterWriter: Writer
        /// Another one, for signs of life alone: they must not wait for what others have queued.
        let leaseWriter: Writer
    }

    /// Another process may bring the tables up to date, or move a long log.
    private static let patience = Duration.seconds(30)

    static func open(_ configuration: SQLiteConfiguration, logger: Logger) throws(StoreError) -> Opened {
        let path = try resolve(configuration.path)
        let file = StoreFile(path: path)
        func lock(_ patience: Duration) -> FileLock { FileLock(path: path + ".lock", of: path, patience: patience) }
        return try file.explaining("open") {
            let lockWhileOpening = lock(patience)
            return try lockWhileOpening.hold(for: "open", until: lockWhileOpening.deadline) {
                let hold = try StoreHold(path: path + ".open", of: path, isExclusive: configuration.isExclusive)
                try refuseForeign(file)
                let pool = try DatabasePool(path: path, configuration: connections(configuration))
                try pool.writeWithoutTransaction { db in
                    try setUp(db, configuration, synchronous: "FULL", cacheKibibytes: configuration.cacheKibibytes)
                    try demandDurability(db, file)
                }
                try migrate(pool, file, logger)
                func makeWriter(_ database: any DatabaseWriter, _ upkeep: LogUpkeep?, _ reserve: LogReserve? = nil) -> Writer {
                    Writer(
                        database: database, lock: lock(configuration.lockTimeout), busyTimeout: configuration.busyTimeout, file: file,
                        upkeep: upkeep, reserve: reserve)
                }
                func makeOther(_ purpose: String, _ upkeep: LogUpkeep? = nil) throws -> Writer {
                    let other = try DatabaseQueue(path: path, configuration: connections(configuration, purpose: purpose))
                    try other.writeWithoutTransaction { db in try setUp(db, configuration, synchronous: "NORMAL", cacheKibibytes: 1024) }
                    return makeWriter(other, upkeep)
                }
                let log = LogFile(path: path + "-wal")
                let upkeep = LogUpkeep(log, limit: 4 * 4096 * checkpointPages(configuration))
                let reserve = LogReserve(log, limit: 4096 * checkpointPages(configuration))
                return Opened(
                    file: file, hold: hold, pool: pool,
                    writer: makeWriter(pool, upkeep, reserve), clusterWriter: try makeOther("cluster", upkeep),
                    leaseWriter: try makeOther("lease"))
            }
        }
    }

    /// The absolute path without symbolic links, so that two names of one file share one lock.
    private static func resolve(_ path: String) throws(StoreError) -> String {
        func refuse(_ code: StoreError.Code, _ reason: String) -> StoreError { StoreError(code, "cannot open \(path): \(reason)") }
        guard let name = path.split(separator: "/").last, !path.hasSuffix("/") else { throw refuse(.unavailable, "that is no file name") }

        var known = stat()
        if stat(path, &known) == 0 {
            guard known.st_mode & S_IFMT == S_IFREG else { throw refuse(.unavailable, "not a regular file") }
        }
        let parent = path.dropLast(name.utf8.count)
        guard let directory = realPath(parent.isEmpty ? "." : String(parent)) else {
            throw refuse(.unavailable, errno == EACCES ? "no permission to look into its directory" : "no such directory")
        }
        if let network = NetworkFileSystem.name(at: directory) {
            throw refuse(.unavailable, "it lies on a network file system (\(network)), where SQLite's locks and log do not work")
        }
        return realPath(path) ?? (directory == "/" ? "/\(name)" : "\(directory)/\(name)")
    }

    private static func realPath(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    private static func connections(_ configuration: SQLiteConfiguration, purpose: String? = nil) -> Configuration {
        var connections = Configuration()
        let timeout = configuration.busyTimeout.components
        connections.busyMode = .timeout(Double(timeout.seconds) + Double(timeout.attoseconds) / 1e18)
        connections.maximumReaderCount = max(1, configuration.readers)
        connections.foreignKeysEnabled = false
        connections.label = purpose.map { "rivulet.sqlite.\($0)" } ?? "rivulet.sqlite"
        // A rollback that fails must not end the process; the next commit tries it again.
        connections.allowsUnsafeTransactions = true
        return connections
    }

    /// Looks before anything is written whether the file is ours to write.
    private static func refuseForeign(_ file: StoreFile) throws {
        var known = stat()
        guard stat(file.path, &known) == 0, known.st_size > 0 else { return }
        var configuration = Configuration()
        configuration.readonly = true
        configuration.busyMode = .timeout(2)
        try DatabaseQueue(path: file.path, configuration: configuration).read { db in
            let application = try Int64.fetchOne(db, sql: "PRAGMA application_id") ?? 0
            let tables = try Int.fetchOne(
                db, sql: "SELECT count(*) FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' AND name NOT LIKE 'grdb_%'")
            guard application == StoreMigrations.applicationID || (application == 0 && tables == 0) else {
                throw StoreError(.incompatible, "cannot open \(file.path): it belongs to another application")
            }
            guard try !StoreMigrations.migrator.hasBeenSuperseded(db) else {
                throw StoreError(.incompatible, "cannot open \(file.path): it was written by a newer version of Rivulet")
            }
        }
    }

    private static func checkpointPages(_ configuration: SQLiteConfiguration) -> Int {
        min(max(1, configuration.checkpointPages), 1 << 20)
    }

    private static func setUp(
        _ db: Database, _ configuration: SQLiteConfiguration, synchronous: String, cacheKibibytes: Int
    ) throws {
        let checkpointPages = checkpointPages(configuration)
        try db.execute(
            sql: """
                PRAGMA synchronous = \(synchronous);
                PRAGMA fullfsync = 1;
                PRAGMA checkpoint_fullfsync = 1;
                PRAGMA wal_autocheckpoint = \(checkpointPages);
                PRAGMA journal_size_limit = \(2 * 4096 * checkpointPages);
                PRAGMA cache_size = -\(min(max(256, cacheKibibytes), 1 << 24));
                """)
    }

    /// GRDB's pool sets `synchronous` to NORMAL, under which the last commits may be lost; believe only what is read back.
    private static func demandDurability(_ db: Database, _ file: StoreFile) throws {
        let synchronous = try Int.fetchOne(db, sql: "PRAGMA synchronous")
        let journal = try String.fetchOne(db, sql: "PRAGMA journal_mode")
        guard synchronous == 2, journal == "wal" else {
            throw StoreError(
                .unavailable,
                "cannot open \(file.path): it would not be durable (journal_mode \(journal ?? "?"), synchronous \(synchronous ?? -1))")
        }
    }

    private static func migrate(_ pool: DatabasePool, _ file: StoreFile, _ logger: Logger) throws {
        let migrator = StoreMigrations.migrator
        let pending = try pool.read { db in migrator.migrations.count - (try migrator.completedMigrations(db).count) }
        guard pending > 0 else { return }
        let start = ContinuousClock.now
        try migrator.migrate(pool)
        logger.info(
            "store brought up to date",
            metadata: [
                "path": "\(file.path)", "migrations": "\(pending)", "took": "\(ContinuousClock.now - start)",
            ])
    }
}
