import GRDB
import GRDBSQLite

/// A statement of GRDB's cache that a commit runs once per turn, bound straight through SQLite's C interface: for rows this small
/// GRDB's boxed arguments cost more than SQLite's own work (measured: half the time of a commit).
///
/// Unsafe pointers live only for the length of a call: SQLite copies what they point to, or reads it while the statement runs and then
/// forgets it.
struct PreparedStatement {
    /// Of `statement`, which owns it.
    private let handle: OpaquePointer
    private let statement: GRDB.Statement
    private let db: Database

    /// Makes the cached statement ready to be bound.
    init(_ sql: String, on db: Database) throws {
        statement = try db.cachedStatement(sql: sql)
        handle = statement.sqliteStatement
        self.db = db
    }

    /// Binds the parameter, counted from 1.
    func bind(_ index: CInt, _ value: Int64) throws {
        try check(sqlite3_bind_int64(handle, index, value))
    }

    /// Binds a number, which never comes near 2^63.
    func bind(_ index: CInt, _ value: UInt64) throws {
        try bind(index, Int64(clamping: value))
    }

    /// Binds as TEXT.
    func bind(_ index: CInt, text: String) throws {
        var text = text
        try text.withUTF8 { try bind(index, text: $0) }
    }

    /// Binds UTF-8 bytes as TEXT, or NULL.
    func bind(_ index: CInt, text: [UInt8]?) throws {
        guard let text else { return try check(sqlite3_bind_null(handle, index)) }
        try text.withUnsafeBufferPointer { try bind(index, text: $0) }
    }

    /// Binds as BLOB.
    func bind(_ index: CInt, blob: [UInt8]) throws {
        let code = blob.withUnsafeBytes { bytes in
            bytes.isEmpty
                ? sqlite3_bind_zeroblob(handle, index, 0)
                : sqlite3_bind_blob64(handle, index, bytes.baseAddress, UInt64(bytes.count), Self.copying)
        }
        try check(code)
    }

    /// Runs a statement that gives no rows.
    func run() throws {
        _ = try firstRow { _ in }
    }

    /// Runs it with a TEXT that SQLite reads where it is: the copy that it makes of a bound one costs an allocation.
    func run(lending text: [UInt8]?, as index: CInt) throws {
        guard let text else {
            try bind(index, text: nil)
            return try run()
        }
        try text.withUnsafeBufferPointer { try lend($0, as: index) { try run() } }
    }

    /// The same for a statement that gives rows.
    func firstRow<Value>(lending text: String, as index: CInt, _ read: (Columns) -> Value) throws -> Value? {
        var text = text
        return try text.withUTF8 { try lend($0, as: index) { try firstRow(read) } }
    }

    /// Runs the statement and reads its first row; nil when there is none.
    func firstRow<Value>(_ read: (Columns) -> Value) throws -> Value? {
        defer { sqlite3_reset(handle) }
        switch sqlite3_step(handle) {
        case SQLITE_ROW: return read(Columns(statement: handle))
        case SQLITE_DONE: return nil
        case let code: throw error(code)
        }
    }

    /// The columns of a row, counted from 0.
    struct Columns {
        fileprivate let statement: OpaquePointer

        func int64(_ index: CInt) -> Int64 { sqlite3_column_int64(statement, index) }

        func uint64(_ index: CInt) -> UInt64 { UInt64(clamping: int64(index)) }

        func text(_ index: CInt) -> String { sqlite3_column_text(statement, index).map { String(cString: $0) } ?? "" }
    }

    /// SQLITE_TRANSIENT, a C macro that Swift does not see: SQLite makes its own copy.
    private static let copying = unsafeBitCast(-1, to: sqlite3_destructor_type.self)

    private func lend<Value>(_ text: UnsafeBufferPointer<UInt8>, as index: CInt, _ body: () throws -> Value) throws -> Value {
        defer { sqlite3_bind_null(handle, index) }
        try bind(index, text: text, nil)
        return try body()
    }

    /// - Parameter destructor: What becomes of the text after its use; nil if it is only lent.
    private func bind(_ index: CInt, text: UnsafeBufferPointer<UInt8>, _ destructor: sqlite3_destructor_type? = Self.copying) throws {
        // Without an address SQLite would take an empty text for NULL.
        guard let start = text.baseAddress else {
            return try check(sqlite3_bind_text(handle, index, "", 0, Self.copying))
        }
        let code = start.withMemoryRebound(to: CChar.self, capacity: text.count) { bytes in
            sqlite3_bind_text64(handle, index, bytes, UInt64(text.count), destructor, UInt8(SQLITE_UTF8))
        }
        try check(code)
    }

    private func check(_ code: CInt) throws {
        guard code == SQLITE_OK else { throw error(code) }
    }

    private func error(_ code: CInt) -> DatabaseError {
        let extended = sqlite3_extended_errcode(db.sqliteConnection)
        return DatabaseError(resultCode: ResultCode(rawValue: extended == SQLITE_OK ? code : extended), message: db.lastErrorMessage)
    }
}
