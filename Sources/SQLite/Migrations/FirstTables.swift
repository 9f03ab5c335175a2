import GRDB

/// Objects, streams, events and idempotency records.
///
/// Kinds, ids and subjects stand as they travel, percent-encoded; states and events are JSON text for SQLite's json functions;
/// times are nanoseconds since 1970.
///
/// An object's events name the one before them and have an ordinal, from 1 on, among their object's; so they are found without an index
/// over all of them, which would cost each commit a page for each of its objects: every 64th is a milestone, from which the others are
/// followed back (``ObjectEvents``).
enum FirstTables {
    @Sendable
    static func migrate(_ db: Database) throws {
        try db.execute(
            sql: """
                PRAGMA application_id = \(StoreMigrations.applicationID);

                CREATE TABLE objects (
                    number INTEGER PRIMARY KEY,
                    kind TEXT NOT NULL,
                    id TEXT NOT NULL,
                    version INTEGER NOT NULL,
                    owner_epoch INTEGER NOT NULL,
                    last_event INTEGER NOT NULL,
                    event_count INTEGER NOT NULL DEFAULT 0,
                    updated INTEGER NOT NULL,
                    state TEXT,
                    UNIQUE (kind, id)
                ) STRICT;

                CREATE TABLE streams (
                    number INTEGER PRIMARY KEY,
                    name TEXT NOT NULL UNIQUE,
                    epoch TEXT NOT NULL,
                    head INTEGER NOT NULL
                ) STRICT;

                CREATE TABLE events (
                    stream INTEGER NOT NULL,
                    sequence INTEGER NOT NULL,
                    object INTEGER NOT NULL,
                    previous INTEGER NOT NULL,
                    ordinal INTEGER NOT NULL,
                    time INTEGER NOT NULL,
                    subject TEXT NOT NULL,
                    payload TEXT NOT NULL,
                    PRIMARY KEY (stream, sequence)
                ) STRICT, WITHOUT ROWID;

                CREATE INDEX event_milestones ON events (object, sequence) WHERE ordinal % 64 = 0;

                CREATE TABLE replies (
                    number INTEGER PRIMARY KEY,
                    object INTEGER NOT NULL,
                    message_id TEXT NOT NULL,
                    expires INTEGER NOT NULL,
                    payload BLOB NOT NULL,
                    UNIQUE (object, message_id)
                ) STRICT;

                CREATE INDEX replies_by_expiry ON replies (expires);
                """)
    }
}
