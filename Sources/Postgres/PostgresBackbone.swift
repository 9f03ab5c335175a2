public import Logging
public import RivuletBackbone
public import RivuletSubscriptions
import Synchronization

/// All five contracts in one schema of a PostgreSQL database, which many nodes may share.
///
/// A commit is on the disk of the database when it returns. Calls may come from any task and are not torn by cancellation; libpq works on
/// threads of its own. A connection that is lost is made again, and what does no harm twice is tried again, until the time-out.
public final class PostgresBackbone: Sendable {
    let configuration: PostgresConfiguration
    let schema: Schema
    let time: any TimeSource
    let statements: Statements
    let listener: RelayListener
    let doorbell: Doorbell
    private let readers: ConnectionPool<ServerConnection>
    /// A connection for leases alone: signs of life must not wait for reads.
    let leases: ConnectionPool<ServerConnection>
    let writers: ConnectionPool<WriterSession>
    let claims: Batcher<DirectoryBatch.Claim, DirectoryBatch.ClaimAnswer>
    let releases: Batcher<DirectoryBatch.Release, Void>

    private init(_ opening: PostgresOpening, time: any TimeSource) {
        configuration = opening.configuration
        schema = opening.schema
        self.time = time
        let statements = Statements(schema)
        self.statements = statements
        let readers = ConnectionPool("rivulet.postgres.read", size: configuration.connections) { () throws(StoreError) in
            try opening.connect("use")
        }
        self.readers = readers
        leases = ConnectionPool("rivulet.postgres.lease", size: 1) { () throws(StoreError) in try opening.connect("use") }
        let writer = Writer(opening)
        writers = ConnectionPool("rivulet.postgres.commit", size: 1) { () throws(StoreError) in try writer.connect() }
        claims = Batcher("claim objects in", on: readers, of: configuration) { claims, connection, deadline throws(ServerError) in
            try DirectoryBatch.claim(claims, by: statements.claim, on: connection, until: deadline)
        }
        releases = Batcher("release objects in", on: readers, of: configuration) { releases, connection, deadline throws(ServerError) in
            try DirectoryBatch.release(releases, by: statements.release, on: connection, until: deadline)
        }
        doorbell = Doorbell(schema: schema, readers: readers, timeout: configuration.timeout)
        listener = RelayListener(opening, doorbell: doorbell)
    }

    deinit {
        listener.shut()
        writers.shut()
        leases.shut()
        readers.shut()
    }

    /// Connects to the database and brings the schema up to date.
    ///
    /// - Parameter time: Stamps the commits and says which idempotency records have expired. Leases run on the database's clock.
    /// - Throws: ``StoreError``: `unavailable` when the database cannot be reached or would not be durable, `inUse` when another node has
    ///   the schema for itself, `incompatible` when the server is too old, or the schema another program's or of a newer Rivulet,
    ///   `readOnly` when the user may not make tables.
    public static func open(
        _ configuration: PostgresConfiguration, time: any TimeSource = SystemTime(), logger: Logger
    ) async throws(StoreError) -> PostgresBackbone {
        guard ServerConnection.canRead(configuration.url) else {
            throw StoreError(.unavailable, "cannot open the PostgreSQL database: its URL cannot be read")
        }
        let opening = PostgresOpening(configuration: configuration, schema: try Schema(configuration.schema), logger: logger)
        try await PostgresOpening.blocking { () throws(StoreError) in try opening.migrate() }.get()
        let backbone = PostgresBackbone(opening, time: time)
        do {
            try await backbone.write("open") { (_) throws(ServerError) in }
        } catch {
            await backbone.writers.close()
            throw error
        }
        return backbone
    }

    /// Waits for the calls under way, then ends all connections. Later calls throw `closed`; closing again does nothing.
    public func close() async {
        let (schema, deadline) = (schema, Deadline(in: configuration.timeout))
        try? await write("close") { (writer) throws(ServerError) in try writer.resign(schema, until: deadline) }
        await claims.close()
        await releases.close()
        await listener.close()
        await writers.close()
        await leases.close()
        await readers.close()
    }

    /// Runs a statement on a connection and gives what `read` makes of its rows.
    ///
    /// - Parameters:
    ///   - again: Whether it does no harm when it is done a second time, because the connection was lost before the answer came.
    ///   - pool: Whose connection; nil for those that read.
    func call<Value: Sendable>(
        _ task: String, again: Bool = true, on pool: ConnectionPool<ServerConnection>? = nil, _ statement: Statement,
        _ parameters: Parameters = Parameters(), _ read: @escaping @Sendable (Rows) -> Value
    ) async throws(StoreError) -> Value {
        let deadline = Deadline(in: configuration.timeout)
        return try await call(task, on: pool ?? readers, again: again, deadline) { connection throws(ServerError) in
            read(try connection.run(statement, parameters, until: deadline))
        }
    }

    /// Commits a batch on the one connection that does.
    func commit(_ batch: [TurnCommit], at moment: CommitMoment) async throws(StoreError) -> [TurnOutcome] {
        let (deadline, store) = (Deadline(in: configuration.timeout), "\(configuration.url)")
        return try await withCheckedContinuation { (continuation: CheckedContinuation<Result<[TurnOutcome], StoreError>, Never>) in
            let commit = CommitJob(batch, at: moment, deadline: deadline, store: store) { continuation.resume(returning: $0) }
            writers.add(commit.job)
        }.get()
    }

    private func write<Value: Sendable>(
        _ task: String, _ body: @escaping @Sendable (WriterSession) throws(ServerError) -> Value
    ) async throws(StoreError) -> Value {
        try await call(task, on: writers, again: true, Deadline(in: configuration.timeout), body)
    }

    private func call<Session, Value: Sendable>(
        _ task: String, on pool: ConnectionPool<Session>, again: Bool, _ deadline: Deadline,
        _ body: @escaping @Sendable (Session) throws(ServerError) -> Value
    ) async throws(StoreError) -> Value {
        let store = "\(configuration.url)"
        return try await withCheckedContinuation { (continuation: CheckedContinuation<Result<Value, StoreError>, Never>) in
            pool.add(
                Job(deadline: deadline) { session in
                    do throws(ServerError) {
                        continuation.resume(returning: .success(try body(session)))
                    } catch {
                        let explained = error.explained(task, store)
                        if error.isLost, again { return .lost(explained) }
                        continuation.resume(returning: .failure(explained))
                        if error.isLost { return .broken(explained) }
                    }
                    return .done
                } giveUp: { reason in
                    continuation.resume(returning: .failure(.refusal(of: task, store, reason)))
                })
        }.get()
    }
}
