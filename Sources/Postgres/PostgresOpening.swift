import Foundation
import Logging
import RivuletBackbone

/// What is checked and made before a store may be used. Blocks.
struct PostgresOpening: Sendable {
    let configuration: PostgresConfiguration
    let schema: Schema
    let logger: Logger

    /// How long making tables may take, and waiting while another node does.
    private static let patience = Duration.seconds(60)

    /// A new connection to a server that is fit, and gives statements up itself before the caller's patience ends.
    func connect(_ task: String = "open") throws(StoreError) -> ServerConnection {
        let (connection, rows) = try explaining(task) { () throws(ServerError) in
            let connection = try ServerConnection(configuration.url)
            let deadline = Deadline(in: configuration.timeout)
            // Not with the first message, in which poolers know few settings.
            try connection.limitStatements(to: configuration.timeout * 3 / 4, until: deadline)
            let settings = Statement(
                "settings",
                """
                SELECT current_setting('server_version_num')::bigint, current_setting('server_encoding'), current_setting('fsync'),
                    current_setting('full_page_writes'), current_setting('synchronous_commit')
                """)
            return (connection, try connection.run(settings, until: deadline))
        }
        try demand(rows)
        return connection
    }

    /// Brings the tables up to date.
    func migrate() throws(StoreError) {
        let connection = try connect()
        let deadline = Deadline(in: Self.patience)
        guard try step(connection, deadline) < SchemaMigrations.all.count else { return }
        let start = ContinuousClock.now
        // Nobody else may look before this is over: a transaction, since a pooler gives each another session.
        let lock = """
            BEGIN; SET LOCAL statement_timeout = \(Int(Self.patience / .milliseconds(1)));
            SELECT pg_advisory_xact_lock(hashtextextended('rivulet migrations of \(schema.name)', 0));
            """
        try explaining("bring up to date") { () throws(ServerError) in try connection.run(script: lock, until: deadline) }
        let step = try step(connection, deadline)
        try explaining("bring up to date") { () throws(ServerError) in
            try connection.run(script: SchemaMigrations.script(from: step, schema) + "COMMIT;", until: deadline)
        }
        logger.info(
            "store brought up to date",
            metadata: [
                "store": "\(configuration.url)", "schema": "\(schema.name)", "migrations": "\(SchemaMigrations.all.count - step)",
                "took": "\(ContinuousClock.now - start)",
            ])
    }

    /// Forgets writers that have not been heard of for a day.
    func forgetWriters(_ connection: ServerConnection) throws(ServerError) {
        let forget = Statement("forget_writers", "DELETE FROM \(schema).writer_rows WHERE seen < now() - interval '1 day'")
        try connection.run(forget, until: Deadline(in: configuration.timeout))
    }

    /// Does what must not happen on threads that others need, on one of its own.
    static func blocking<Value: Sendable>(
        _ body: @escaping @Sendable () throws(StoreError) -> Value
    ) async -> Result<Value, StoreError> {
        await withCheckedContinuation { continuation in
            Thread.detachNewThread { continuation.resume(returning: Result(catching: body)) }
        }
    }

    // MARK: Checks

    private func demand(_ rows: Rows) throws(StoreError) {
        let version = rows.int64(0, 0)
        guard version >= 150_000 else {
            throw refusal(.incompatible, "its server is PostgreSQL \(version / 10_000), and 15 or newer is needed")
        }
        guard rows.text(0, 1) == "UTF8" else {
            throw refusal(.incompatible, "its encoding is \(rows.text(0, 1)), and UTF8 is needed")
        }
        for (column, risk) in [(2, PostgresConfiguration.Risk.fsync), (3, .fullPageWrites), (4, .synchronousCommit)] {
            guard rows.text(0, column) == "off", !configuration.acceptedRisks.contains(risk) else { continue }
            throw refusal(
                .unavailable, "it would not be durable: the server's setting \(risk.rawValue) is off, and not among the accepted risks")
        }
    }

    /// How many migrations the schema has seen.
    private func step(_ connection: ServerConnection, _ deadline: Deadline) throws(StoreError) -> Int {
        let look = Statement(
            "look",
            """
            SELECT to_regclass($1) IS NOT NULL, EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $2)
            """)
        var parameters = Parameters()
        parameters.add("\(schema).migrations")
        parameters.add(schema.name)
        let found = try explaining("open") { () throws(ServerError) in try connection.run(look, parameters, until: deadline) }
        guard found.bool(0, 0) else {
            guard !found.bool(0, 1) else {
                throw refusal(.incompatible, "its schema \(schema.name) holds what is not Rivulet's")
            }
            return 0
        }
        let count = Statement("count", "SELECT coalesce(max(number), 0)::bigint FROM \(schema).migrations")
        let rows = try explaining("open") { () throws(ServerError) in try connection.run(count, until: deadline) }
        guard rows.int64(0, 0) <= SchemaMigrations.all.count else {
            throw refusal(.incompatible, "its schema \(schema.name) was written by a newer version of Rivulet")
        }
        return Int(rows.int64(0, 0))
    }

    private func refusal(_ code: StoreError.Code, _ reason: String) -> StoreError {
        StoreError(code, "cannot open \(configuration.url): \(reason)")
    }

    private func explaining<Value>(_ task: String, _ body: () throws(ServerError) -> Value) throws(StoreError) -> Value {
        do {
            return try body()
        } catch {
            throw error.explained(task, "\(configuration.url)")
        }
    }
}
