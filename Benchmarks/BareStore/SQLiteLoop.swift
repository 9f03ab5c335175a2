import GRDBSQLite

/// One transaction after the other in SQLite's C interface, on a file whose tables are there.
final class SQLiteLoop {
    private static let rowsAtOnce = 16

    private let database: OpaquePointer
    private let begin, select, insert, update, event, events, raise, forget, commit: OpaquePointer
    private let ids: [[CChar]]
    private let subjects: [[CChar]]
    private let kind = Array(TurnSource.kind.utf8CString)
    private let state: [CChar]?
    private let payload = TurnSource.event.map { CChar(bitPattern: $0) }
    private var position = 0
    private var head: Int64 = 0

    init(path: String, objects: Int, eventsOnly: Bool) throws(LoopError) {
        var handle: OpaquePointer?
        guard sqlite3_open(path, &handle) == SQLITE_OK, let database = handle else { throw LoopError("cannot open \(path)") }
        self.database = database
        let settings = """
            PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 16384; PRAGMA cache_size = -16384;
            PRAGMA journal_size_limit = \(2 * 4096 * 16_384)
            """
        guard sqlite3_exec(database, settings, nil, nil, nil) == SQLITE_OK else { throw Self.error(database) }
        func prepare(_ sql: String) throws(LoopError) -> OpaquePointer {
            var statement: OpaquePointer?
            guard sqlite3_prepare_v2(database, sql, -1, &statement, nil) == SQLITE_OK, let statement else { throw Self.error(database) }
            return statement
        }
        begin = try prepare("BEGIN IMMEDIATE")
        select = try prepare("SELECT number, version, owner_epoch, last_event, event_count FROM objects WHERE kind = ? AND id = ?")
        insert = try prepare(
            "INSERT INTO objects (version, last_event, updated, state, event_count, kind, id, owner_epoch) VALUES (?, ?, ?, ?, ?, ?, ?, 0)")
        update = try prepare(
            "UPDATE objects SET version = ?, last_event = ?, updated = ?, state = ifnull(?, state), event_count = ? WHERE number = ?")
        event = try prepare(Self.sql(rows: 1))
        events = try prepare(Self.sql(rows: Self.rowsAtOnce))
        raise = try prepare("UPDATE streams SET head = ? WHERE number = 1")
        forget = try prepare("DELETE FROM replies WHERE number IN (SELECT number FROM replies WHERE expires <= ? ORDER BY expires LIMIT ?)")
        commit = try prepare("COMMIT")
        let names = (0..<objects).map { TurnSource.id($0, of: objects) }
        ids = names.map { Array($0.utf8CString) }
        subjects = names.map { Array("evt.\(TurnSource.kind).\($0).Deposited".utf8CString) }
        state = eventsOnly ? nil : TurnSource.state.map { CChar(bitPattern: $0) }
    }

    deinit {
        for statement in [begin, select, insert, update, event, events, raise, forget, commit] { sqlite3_finalize(statement) }
        sqlite3_close(database)
    }

    func commit(_ count: Int) throws(LoopError) {
        let time = Int64(1_700_000_000_000_000_000)
        try run(begin)
        for done in 0..<count {
            head += 1
            let (object, last, ordinal) = try write(position, at: time)
            // As the store does it: many rows a statement, and the rest one by one.
            let isOneOfMany = done < count - count % Self.rowsAtOnce
            let (statement, row) = isOneOfMany ? (events, done % Self.rowsAtOnce) : (event, 0)
            let place = CInt(row * 7)
            sqlite3_bind_int64(statement, place + 1, head)
            sqlite3_bind_int64(statement, place + 2, object)
            sqlite3_bind_int64(statement, place + 3, last)
            sqlite3_bind_int64(statement, place + 4, time)
            bind(statement, place + 5, subjects[position], isTerminated: true)
            bind(statement, place + 6, payload)
            sqlite3_bind_int64(statement, place + 7, ordinal)
            if !isOneOfMany || row + 1 == Self.rowsAtOnce { try run(statement) }
            position = position + 1 == ids.count ? 0 : position + 1
        }
        sqlite3_bind_int64(raise, 1, head)
        try run(raise)
        sqlite3_bind_int64(forget, 1, time)
        sqlite3_bind_int64(forget, 2, Int64(2 * count + 16))
        try run(forget)
        try run(commit)
    }

    private func write(_ place: Int, at time: Int64) throws(LoopError) -> (number: Int64, last: Int64, ordinal: Int64) {
        bind(select, 1, kind, isTerminated: true)
        bind(select, 2, ids[place], isTerminated: true)
        let found = sqlite3_step(select) == SQLITE_ROW
        let (number, version) = (sqlite3_column_int64(select, 0), sqlite3_column_int64(select, 1))
        let (last, ordinal) = (sqlite3_column_int64(select, 3), sqlite3_column_int64(select, 4) + 1)
        sqlite3_reset(select)
        let statement = found ? update : insert
        sqlite3_bind_int64(statement, 1, version + 1)
        sqlite3_bind_int64(statement, 2, head)
        sqlite3_bind_int64(statement, 3, time)
        if let state { bind(statement, 4, state) } else { sqlite3_bind_null(statement, 4) }
        sqlite3_bind_int64(statement, 5, ordinal)
        if found {
            sqlite3_bind_int64(statement, 6, number)
        } else {
            bind(statement, 6, kind, isTerminated: true)
            bind(statement, 7, ids[place], isTerminated: true)
        }
        try run(statement)
        return (found ? number : sqlite3_last_insert_rowid(database), last, ordinal)
    }

    private static func sql(rows: Int) -> String {
        "INSERT INTO events (stream, sequence, object, previous, time, subject, payload, ordinal) VALUES "
            + repeatElement("(1, ?, ?, ?, ?, ?, ?, ?)", count: rows).joined(separator: ", ")
    }

    private func bind(_ statement: OpaquePointer, _ index: CInt, _ text: [CChar], isTerminated: Bool = false) {
        sqlite3_bind_text(
            statement, index, text, CInt(text.count - (isTerminated ? 1 : 0)), unsafeBitCast(-1, to: sqlite3_destructor_type.self))
    }

    private func run(_ statement: OpaquePointer) throws(LoopError) {
        let code = sqlite3_step(statement)
        sqlite3_reset(statement)
        guard code == SQLITE_DONE else { throw Self.error(database) }
    }

    private static func error(_ database: OpaquePointer) -> LoopError {
        LoopError(sqlite3_errmsg(database).map { String(cString: $0) } ?? "SQLite failed")
    }
}
