import GRDB
import RivuletBackbone

/// The database file, as errors name it.
struct StoreFile: Sendable {
    let path: String

    /// Runs `body` and puts what goes wrong in terms of the store: what could not be done, with which file, and why.
    func explaining<Value>(_ task: String, _ body: () throws -> Value) throws(StoreError) -> Value {
        do {
            return try body()
        } catch let error as StoreError {
            throw error
        } catch let error as DatabaseError {
            let (code, reason) = Self.reading(error)
            throw StoreError(code, "cannot \(task) \(path): \(reason)", cause: error)
        } catch {
            throw StoreError(.unavailable, "cannot \(task) \(path): \(error)", cause: error)
        }
    }

    private static func reading(_ error: DatabaseError) -> (StoreError.Code, String) {
        let text = error.message ?? "SQLite error \(error.extendedResultCode.rawValue)"
        switch error.resultCode {
        case .SQLITE_FULL: return (.full, "the disk is full, or the database has reached its size limit")
        // The index of the log could not grow, which takes nothing but room.
        case .SQLITE_IOERR where error.extendedResultCode == .SQLITE_IOERR_SHMSIZE: return (.full, "the disk is full")
        case .SQLITE_READONLY, .SQLITE_PERM: return (.readOnly, "it may not be written (\(text))")
        case .SQLITE_BUSY, .SQLITE_LOCKED: return (.unavailable, "another program holds a lock on it")
        case .SQLITE_NOTADB: return (.incompatible, "it is not a SQLite database")
        case .SQLITE_CORRUPT: return (.incompatible, "it is damaged (\(text))")
        case .SQLITE_CONSTRAINT, .SQLITE_ERROR, .SQLITE_MISMATCH: return (.incompatible, text)
        default: return (.unavailable, text)
        }
    }
}
