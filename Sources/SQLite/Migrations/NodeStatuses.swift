import GRDB

/// What nodes tell of themselves. Kinds stand as they do in subjects, separated by spaces.
enum NodeStatuses {
    @Sendable
    static func migrate(_ db: Database) throws {
        try db.execute(
            sql: """
                ALTER TABLE members ADD COLUMN kinds TEXT NOT NULL DEFAULT '';
                ALTER TABLE members ADD COLUMN active_objects INTEGER NOT NULL DEFAULT 0;
                ALTER TABLE members ADD COLUMN is_draining INTEGER NOT NULL DEFAULT 0;
                """)
    }
}
