/// Where and how nodes keep their store in PostgreSQL 15 or newer.
public struct PostgresConfiguration: Sendable, Hashable {
    /// A setting of the server under which a crash may lose or damage what was answered.
    public enum Risk: String, Sendable, Hashable, CaseIterable {
        /// `fsync` is off: a crash of the machine may damage the database.
        case fsync
        /// `full_page_writes` is off: so may a page that was written in part.
        case fullPageWrites = "full_page_writes"
        /// `synchronous_commit` is off: a crash of the server loses the last commits.
        case synchronousCommit = "synchronous_commit"
    }

    /// The database. TLS is as the URL says (`sslmode` and its like).
    public var url: PostgresURL
    /// The schema that holds the tables; made if it is missing. At most 40 bytes.
    public var schema: String
    /// How many connections load and read at the same time, besides one that commits, one that listens and one for leases; at least 1.
    public var connections: Int
    /// How long a call waits for each thing that it needs of the database, one after the other, before it fails; 3 s.
    public var timeout: Duration
    /// Whether no other node may use the schema at the same time.
    public var isExclusive: Bool
    /// What is put up with; otherwise a server set so is refused.
    public var acceptedRisks: Set<Risk>
    /// How often the relay looks for batches where notifications do not come through, as behind some poolers; 25 ms.
    public var relayPolling: Duration

    /// A store in the schema `rivulet`.
    public init(
        url: PostgresURL, schema: String = "rivulet", connections: Int = 4, timeout: Duration = .seconds(3), isExclusive: Bool = false,
        acceptedRisks: Set<Risk> = [], relayPolling: Duration = .milliseconds(25)
    ) {
        self.url = url
        self.schema = schema
        self.connections = connections
        self.timeout = timeout
        self.isExclusive = isExclusive
        self.acceptedRisks = acceptedRisks
        self.relayPolling = relayPolling
    }
}
