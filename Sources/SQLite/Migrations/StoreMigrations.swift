import GRDB

/// The steps by which a store's tables came to be what they are, oldest first. A step that was released is never changed.
enum StoreMigrations {
    /// `RVLT`: marks a SQLite file as a Rivulet store.
    static let applicationID: Int64 = 0x5256_4C54

    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator().disablingDeferredForeignKeyChecks()
        migrator.registerMigration("1 first tables", migrate: FirstTables.migrate)
        migrator.registerMigration("2 cluster tables", migrate: ClusterTables.migrate)
        migrator.registerMigration("3 secrets of nodes", migrate: NodeSecrets.migrate)
        migrator.registerMigration("4 statuses of nodes", migrate: NodeStatuses.migrate)
        return migrator
    }
}
