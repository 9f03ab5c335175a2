/// Where and how the nodes of a host keep their store in one SQLite file.
public struct SQLiteConfiguration: Sendable, Hashable {
    /// The database file; made if it is missing, its directory must exist. Beside it stand `-wal`, `-shm`,
    /// `.lock`, `.lock.next` and `.open`.
    public var path: String
    /// Whether no other node may have the file open at the same time.
    public var isExclusive: Bool
    /// How long a write waits for those of other nodes, one of which may be moving the log into the file.
    public var lockTimeout: Duration
    /// How long a write then waits for a lock that another program, such as `sqlite3`, holds on the file.
    public var busyTimeout: Duration
    /// How many loads and reads run at the same time; at least 1.
    public var readers: Int
    /// How many pages (4 KiB) the write-ahead log holds before its content is moved into the database file. Pages that change often
    /// are moved once for all changes since, so more makes commits faster, and the file beside the database larger. It becomes some
    /// four times as large where somebody reads at any time, for moving it all then means to wait for those who read.
    public var checkpointPages: Int
    /// How many KiB of pages the writing connection keeps in memory.
    public var cacheKibibytes: Int

    /// A store in the file at `path`.
    public init(
        path: String, isExclusive: Bool = false, lockTimeout: Duration = .seconds(3), busyTimeout: Duration = .seconds(2), readers: Int = 4,
        checkpointPages: Int = 16_384, cacheKibibytes: Int = 16_384
    ) {
        self.path = path
        self.isExclusive = isExclusive
        self.lockTimeout = lockTimeout
        self.busyTimeout = busyTimeout
        self.readers = readers
        self.checkpointPages = checkpointPages
        self.cacheKibibytes = cacheKibibytes
    }
}
