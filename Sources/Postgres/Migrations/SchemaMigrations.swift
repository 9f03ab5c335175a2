/// The steps by which a store's tables came to be what they are, oldest first. A step that was released is never changed.
enum SchemaMigrations {
    struct Step: Sendable {
        let name: String
        let sql: @Sendable (Schema) -> String
    }

    static let all = [
        Step(name: "first tables", sql: FirstTables.sql),
        Step(name: "commit function", sql: CommitFunction.sql),
        Step(name: "read function", sql: ReadFunction.sql),
        Step(name: "members and owners", sql: ClusterTables.sql),
        Step(name: "relay", sql: RelayTables.sql),
        Step(name: "secrets of nodes", sql: NodeSecrets.sql),
        Step(name: "plans of the commit function", sql: CommitPlans.sql),
        Step(name: "statuses of nodes", sql: NodeStatuses.sql),
        Step(name: "claims and releases in batches", sql: ClaimFunctions.sql),
        Step(name: "ends of leases that are overridden", sql: OverriddenLeases.sql),
        Step(name: "clock of the relay", sql: RelayClock.sql),
        Step(name: "bounds of reads by a pattern", sql: BoundedReads.sql),
    ]

    /// The SQL that takes a store from a step, 0 for none, to the newest, in one transaction that nobody else runs at the same time.
    static func script(from step: Int, _ schema: Schema) -> String {
        var script = ""
        if step == 0 {
            script += """
                CREATE SCHEMA IF NOT EXISTS \(schema);
                CREATE TABLE \(schema).migrations (number int PRIMARY KEY, name text NOT NULL, applied timestamptz NOT NULL DEFAULT now());

                """
        }
        for (index, next) in all.enumerated().dropFirst(step) {
            script += next.sql(schema)
            script += "\nINSERT INTO \(schema).migrations (number, name) VALUES (\(index + 1), '\(next.name)');\n"
        }
        return script
    }
}
