import GRDB

/// Nodes' leases, who owns which object, and batches of messages on their way to other nodes.
///
/// Times are nanoseconds on the host's clock, and mean something only since the host was started. An object's owner is a lease; that of
/// a node that is gone is no owner.
enum ClusterTables {
    @Sendable
    static func migrate(_ db: Database) throws {
        try db.execute(
            sql: """
                CREATE TABLE members (
                    lease INTEGER PRIMARY KEY AUTOINCREMENT,
                    name TEXT NOT NULL UNIQUE,
                    address TEXT NOT NULL,
                    time_to_live INTEGER NOT NULL,
                    boot TEXT NOT NULL,
                    ends INTEGER NOT NULL
                ) STRICT;

                ALTER TABLE objects ADD COLUMN owner INTEGER;

                CREATE TABLE relay (
                    number INTEGER PRIMARY KEY AUTOINCREMENT,
                    sender TEXT NOT NULL,
                    sent INTEGER NOT NULL,
                    frames BLOB NOT NULL
                ) STRICT;
                """)
    }
}
