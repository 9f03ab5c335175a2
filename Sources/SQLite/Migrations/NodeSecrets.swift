import GRDB

/// What nodes say to each other's brokers.
enum NodeSecrets {
    @Sendable
    static func migrate(_ db: Database) throws {
        try db.execute(sql: "ALTER TABLE members ADD COLUMN secret TEXT NOT NULL DEFAULT ''")
    }
}
