import GRDB
import RivuletBackbone

/// A connection that writes, and the lock under which alone it does. SQLite's own checkpoints come with commits, and so under the lock too.
struct Writer: Sendable {
    let database: any DatabaseWriter
    let lock: FileLock
    /// How long it then waits for other programs.
    let busyTimeout: Duration
    let file: StoreFile
    /// For one that may take longer for the sake of the log.
    var upkeep: LogUpkeep?
    /// For one whose commits sync the log.
    var reserve: LogReserve?

    /// Runs `body` on the connection's own queue. The time that it waits there counts, should another node or program not let go of a
    /// lock: those who wait behind each other would else wait for it one after the other.
    ///
    /// - Parameter start: Since when it is waited for.
    func run<Value: Sendable>(
        _ task: String, since start: ContinuousClock.Instant = .now, _ body: @escaping @Sendable (Database) throws -> Value
    ) async throws(StoreError) -> Value {
        let deadline = lock.deadline(from: start)
        return try await withCheckedContinuation { (continuation: CheckedContinuation<Result<Value, StoreError>, Never>) in
            database.asyncWriteWithoutTransaction { db in
                continuation.resume(
                    returning: Result { () throws(StoreError) in try perform(task, until: deadline, on: db, body) })
            }
        }.get()
    }

    /// Runs `body` on this thread, which is blocked until it is the connection's turn.
    func runHere<Value: Sendable>(_ task: String, _ body: (Database) throws -> Value) throws(StoreError) -> Value {
        let deadline = lock.deadline
        let result: Result<Value, StoreError> = database.writeWithoutTransaction { db in
            Result { () throws(StoreError) in try perform(task, until: deadline, on: db, body) }
        }
        return try result.get()
    }

    private func perform<Value: Sendable>(
        _ task: String, until deadline: ContinuousClock.Instant, on db: Database, _ body: (Database) throws -> Value
    ) throws(StoreError) -> Value {
        try file.explaining(task) {
            try lock.hold(for: task, until: deadline) {
                db.waitForOthers(atMost: min(busyTimeout, max(.zero, deadline + busyTimeout - .now)))
                if reserve != nil { try upkeep?.makeWhole(on: db) }
                defer { tendLog(on: db) }
                do {
                    return try body(db)
                } catch {
                    upkeep?.note(error)
                    throw error
                }
            }
        }
    }

    private func tendLog(on db: Database) {
        guard let upkeep, let length = upkeep.file.length() else { return }
        reserve?.extend(from: length)
        upkeep.shorten(length, on: db)
    }

    /// Closes the connection, under the lock: whoever closes a file last moves its log into it.
    func close() throws {
        try lock.hold(for: "close", until: lock.deadline) { try database.close() }
    }
}
