import RivuletBackbone
import Synchronization

/// What makes the connections that commit, one after the other.
final class Writer: Sendable {
    /// No other backbone has it, in this process or another.
    private let name = StreamEpoch.make()
    private let opening: PostgresOpening
    /// Counts connections here, since the database may have forgotten the last one's registration while that still commits.
    private let generation = Atomic<Int64>(0)
    /// The server's process behind the last connection.
    private let lastProcess = Mutex<Int32?>(nil)

    init(_ opening: PostgresOpening) {
        self.opening = opening
    }

    /// A connection that is registered, and alone has the schema if the configuration says so.
    func connect() throws(StoreError) -> WriterSession {
        let connection = try opening.connect("commit to")
        let session: WriterSession?
        do throws(ServerError) {
            session = try register(connection)
        } catch {
            throw error.explained("commit to", "\(opening.configuration.url)")
        }
        guard let session else {
            throw StoreError(
                .inUse, "cannot open \(opening.configuration.url): another node has its schema \(opening.schema.name) open")
        }
        lastProcess.withLock { $0 = session.process }
        return session
    }

    /// Nil when another backbone has the schema for itself.
    private func register(_ connection: ServerConnection) throws(ServerError) -> WriterSession? {
        if opening.configuration.isExclusive, try !lock(connection) { return nil }
        try opening.forgetWriters(connection)
        let deadline = Deadline(in: opening.configuration.timeout)
        let next = generation.wrappingAdd(1, ordering: .relaxed).newValue
        return try WriterSession(connection, writer: name, generation: next, schema: opening.schema, until: deadline)
    }

    /// The lock goes with the session. One that is left over of this very backbone, which the server takes for alive, is ended.
    private func lock(_ connection: ServerConnection) throws(ServerError) -> Bool {
        let lock = Statement("lock", "SELECT pg_try_advisory_lock(hashtextextended($1, 0))")
        var parameters = Parameters()
        parameters.add("rivulet node of \(opening.schema.name)")
        let deadline = Deadline(in: opening.configuration.timeout)
        if try connection.run(lock, parameters, until: deadline).bool(0, 0) { return true }
        if let process = lastProcess.withLock({ $0 }) {
            let end = Statement(
                "end", "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE pid = $1::int AND locktype = 'advisory' AND granted")
            var old = Parameters()
            old.add(Int64(process))
            try connection.run(end, old, until: deadline)
        }
        return false
    }
}
