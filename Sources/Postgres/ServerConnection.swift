import CLibpq

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// One connection to PostgreSQL through libpq. Its calls block, and come from the one thread that owns it.
final class ServerConnection {
    private let handle: OpaquePointer
    private var prepared: Set<String> = []
    /// Statements are known by the connection too: behind a pooler another one's of that name may do something else.
    private let ownName = String(UInt32.random(in: .min ... .max), radix: 16)
    /// False where each transaction may get another session.
    private var prepares = true
    /// The parameters of ``Statement/limit`` where it has to be said in each transaction.
    private var limitOfEach: Parameters?
    private var isNotified = false

    /// Connects; each address that the URL names is tried for two seconds, unless the URL says otherwise (`connect_timeout`).
    init(_ url: PostgresURL) throws(ServerError) {
        let handle = Self.withCStrings([
            ("connect_timeout", "2"), ("application_name", "rivulet"), ("target_session_attrs", "read-write"),
            // A server that is gone without a word is noticed by idle connections too.
            ("keepalives_idle", "15"), ("keepalives_interval", "5"), ("keepalives_count", "3"),
            ("dbname", url.text), ("client_encoding", "UTF8"),
        ]) { PQconnectdbParams($0, $1, 1) }
        guard let handle else { throw ServerError("there is no memory for a connection", isLost: true) }
        self.handle = handle
        PQsetNoticeProcessor(handle, { _, _ in }, nil)
        guard PQstatus(handle) == CONNECTION_OK else { throw lost() }
        guard PQsetnonblocking(handle, 1) == 0 else { throw lost() }
    }

    deinit { PQfinish(handle) }

    /// The server's process behind the connection.
    var process: Int32 { PQbackendPID(handle) }

    /// Whether libpq can read the URL.
    static func canRead(_ url: PostgresURL) -> Bool {
        // What it says is wrong would quote the password.
        guard let options = PQconninfoParse(url.text, nil) else { return false }
        PQconninfoFree(options)
        return true
    }

    // MARK: Statements

    /// Has the server give up each statement that takes longer.
    ///
    /// What is said to a session stays with it, and a pooler would give that to anybody. One that may is told by the server's process, which
    /// it does not name: then each transaction says it for itself, and nothing is prepared.
    func limitStatements(to duration: Duration, until deadline: Deadline) throws(ServerError) {
        var parameters = Parameters()
        parameters.add("\(Int(duration / .milliseconds(1)))")
        parameters.add(Int64(process))
        try send(.limit, parameters)
        guard try finish(deadline).bool(0, 1) else { return }
        prepares = false
        limitOfEach = parameters
    }

    /// Runs a statement, which is a transaction of its own unless one is open, and waits until the server is done with it.
    ///
    /// - Throws: ``ServerError``; `isLost` when the deadline passes before that.
    @discardableResult
    func run(_ statement: Statement, _ parameters: Parameters = Parameters(), until deadline: Deadline) throws(ServerError) -> Rows {
        do {
            return try execute(statement, parameters, deadline)
        } catch {
            guard error.isForgotten, prepares, PQtransactionStatus(handle) == PQTRANS_IDLE else { throw error }
            prepares = false
            return try execute(statement, parameters, deadline)
        }
    }

    /// Runs SQL without parameters that may hold several statements, as one transaction unless it says otherwise.
    func run(script: String, until deadline: Deadline) throws(ServerError) {
        guard PQsendQuery(handle, script) == 1 else { throw lost() }
        _ = try finish(deadline)
    }

    private func execute(_ statement: Statement, _ parameters: Parameters, _ deadline: Deadline) throws(ServerError) -> Rows {
        if let limitOfEach, PQtransactionStatus(handle) == PQTRANS_IDLE {
            return try execute(statement, parameters, withLimit: limitOfEach, deadline)
        }
        guard prepares else {
            try send(statement, parameters)
            return try finish(deadline)
        }
        let name = "\(statement.name)_\(ownName)"
        if !prepared.contains(name) {
            let sent = parameters.withTypes { PQsendPrepare(handle, name, statement.sql, Int32($0.count), $0.baseAddress) }
            guard sent == 1 else { throw lost() }
            _ = try finish(deadline)
            prepared.insert(name)
        }
        let sent = parameters.withPointers { count, _, values, lengths, formats in
            PQsendQueryPrepared(handle, name, count, values, lengths, formats, 1)
        }
        guard sent == 1 else { throw lost() }
        return try finish(deadline)
    }

    /// Both at once, as one transaction.
    private func execute(
        _ statement: Statement, _ parameters: Parameters, withLimit limit: Parameters, _ deadline: Deadline
    ) throws(ServerError) -> Rows {
        guard PQenterPipelineMode(handle) == 1 else { throw lost() }
        defer { PQexitPipelineMode(handle) }
        try send(.limit, limit)
        try send(statement, parameters)
        guard PQpipelineSync(handle) == 1 else { throw lost() }
        return try finish(deadline)
    }

    /// Sends a statement that is not prepared.
    private func send(_ statement: Statement, _ parameters: Parameters) throws(ServerError) {
        let sent = parameters.withPointers { count, types, values, lengths, formats in
            PQsendQueryParams(handle, statement.sql, count, types, values, lengths, formats, 1)
        }
        guard sent == 1 else { throw lost() }
    }

    /// Only when libpq has nothing more to give has the server committed. Of several statements' rows it gives the last.
    private func finish(_ deadline: Deadline) throws(ServerError) -> Rows {
        var (rows, failure): (Rows?, ServerError?) = (nil, nil)
        try flush(deadline)
        answers: while true {
            while PQisBusy(handle) == 1 {
                try wait(forWriting: false, deadline)
                guard PQconsumeInput(handle) == 1 else { throw lost() }
            }
            guard let result = PQgetResult(handle) else {
                // In a pipeline that was one of its statements.
                guard PQpipelineStatus(handle) != PQ_PIPELINE_OFF, PQstatus(handle) == CONNECTION_OK else { break }
                continue
            }
            switch PQresultStatus(result) {
            case PGRES_TUPLES_OK, PGRES_COMMAND_OK: rows = Rows(result)
            case PGRES_PIPELINE_SYNC:
                PQclear(result)
                break answers
            default:
                failure = failure ?? error(of: result)
                PQclear(result)
            }
        }
        if let failure {
            throw PQstatus(handle) == CONNECTION_OK ? failure : ServerError(state: failure.state, failure.message, isLost: true)
        }
        guard let rows, PQstatus(handle) == CONNECTION_OK else { throw lost() }
        return rows
    }

    private func flush(_ deadline: Deadline) throws(ServerError) {
        while true {
            switch PQflush(handle) {
            case 0: return
            case 1:
                try wait(forWriting: true, deadline)
                // The server may have to say something before it reads on.
                guard PQconsumeInput(handle) == 1 else { throw lost() }
            default: throw lost()
            }
        }
    }

    private func wait(forWriting: Bool, _ deadline: Deadline) throws(ServerError) {
        var socket = pollfd(fd: PQsocket(handle), events: Int16(POLLIN | (forWriting ? POLLOUT : 0)), revents: 0)
        while true {
            let count = poll(&socket, 1, deadline.milliseconds)
            if count > 0 { return }
            if count == 0, deadline.hasPassed { throw ServerError("it did not answer in time", isLost: true) }
            guard count == 0 || errno == EINTR else { throw ServerError("its socket cannot be watched", isLost: true) }
        }
    }

    // MARK: Notifications

    /// Waits until something comes from the server, or can be read from `descriptor`, or the deadline passes.
    ///
    /// A notification that was not taken, having come with something else's answer, is not waited for.
    func wait(orFor descriptor: CInt, until deadline: Deadline) throws(ServerError) {
        collectNotifications()
        guard !isNotified else { return }
        var sockets = [
            pollfd(fd: PQsocket(handle), events: Int16(POLLIN), revents: 0), pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0),
        ]
        guard poll(&sockets, 2, deadline.milliseconds) > 0, sockets[0].revents != 0 else { return }
        guard PQconsumeInput(handle) == 1, PQstatus(handle) == CONNECTION_OK else { throw lost() }
    }

    /// Whether notifications have come since it was asked last.
    func takeNotifications() -> Bool {
        collectNotifications()
        defer { isNotified = false }
        return isNotified
    }

    private func collectNotifications() {
        while let notification = PQnotifies(handle) {
            isNotified = true
            PQfreemem(notification)
        }
    }

    // MARK: Errors

    private func error(of result: OpaquePointer) -> ServerError {
        let state = PQresultErrorField(result, Int32(UInt8(ascii: "C"))).map { String(cString: $0) } ?? ""
        let message = PQresultErrorField(result, Int32(UInt8(ascii: "M"))) ?? PQresultErrorMessage(result)
        return ServerError(state: state, message.map { String(cString: $0) } ?? "it failed", isLost: false)
    }

    private func lost() -> ServerError {
        let message = PQerrorMessage(handle).map { String(cString: $0) } ?? ""
        return ServerError(message.isEmpty ? "the connection was lost" : message, isLost: true)
    }

    private static func withCStrings<Value>(
        _ pairs: [(key: String, value: String)],
        _ body: (UnsafePointer<UnsafePointer<CChar>?>?, UnsafePointer<UnsafePointer<CChar>?>?) -> Value
    ) -> Value {
        let names = pairs.map { UnsafePointer(strdup($0.key)) } + [nil]
        let values = pairs.map { UnsafePointer(strdup($0.value)) } + [nil]
        defer { for text in names + values { free(UnsafeMutablePointer(mutating: text)) } }
        return names.withUnsafeBufferPointer { names in
            values.withUnsafeBufferPointer { values in body(names.baseAddress, values.baseAddress) }
        }
    }
}

extension Statement {
    /// For the session, or for the transaction when its process is not the one that is named; says which.
    fileprivate static let limit = Statement(
        "limit", "SELECT set_config('statement_timeout', $1, pg_backend_pid() <> $2), pg_backend_pid() <> $2")
}

extension Parameters {
    fileprivate func withTypes<Value>(_ body: (UnsafeBufferPointer<Oid>) -> Value) -> Value {
        kinds.map(\.rawValue).withUnsafeBufferPointer(body)
    }

    /// libpq copies what the pointers point to.
    fileprivate func withPointers<Value>(
        _ body: (
            _ count: Int32, _ types: UnsafePointer<Oid>?, _ values: UnsafePointer<UnsafePointer<CChar>?>?, _ lengths: UnsafePointer<Int32>?,
            _ formats: UnsafePointer<Int32>?
        ) -> Value
    ) -> Value {
        // Empty values must have an address all the same, or they would be NULL.
        (bytes + [0]).withUnsafeBufferPointer { bytes in
            bytes.withMemoryRebound(to: CChar.self) { bytes in
                let values = places.map { place in place.flatMap { place in bytes.baseAddress.map { $0 + place.lowerBound } } }
                let lengths = places.map { Int32(truncatingIfNeeded: $0?.count ?? 0) }
                let formats = [Int32](repeating: 1, count: places.count)
                return withTypes { types in
                    values.withUnsafeBufferPointer { values in
                        lengths.withUnsafeBufferPointer { lengths in
                            formats.withUnsafeBufferPointer { formats in
                                body(
                                    Int32(values.count), types.baseAddress, values.baseAddress, lengths.baseAddress, formats.baseAddress)
                            }
                        }
                    }
                }
            }
        }
    }
}
