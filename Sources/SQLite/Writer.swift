import GRDB
import RivuletBackbone

/// A connection that writes, and the lock under which alone it does. SQLite's own checkpoints come with commits, and so under the lock too.
struct Writer: Sendable {
    let database: any DatabaseWriter
    let lock: FileLock
    let file: StoreFile

    /// Runs `body` on the connection's own queue.
    func run<Value: Sendable>(
        _ task: String, _ body: @escaping @Sendable (Database) throws -> Value
    ) async throws(StoreError) -> Value {
        try await withCheckedContinuation { (continuation: CheckedContinuation<Result<Value, StoreError>, Never>) in
            database.asyncWriteWithoutTransaction { db in
                continuation.resume(
                    returning: Result { () throws(StoreError) in
                        try file.explaining(task) { try lock.hold(for: task) { try body(db) } }
                    })
            }
        }.get()
    }

    /// Closes the connection, under the lock: whoever closes a file last moves its log into it.
    func close() throws {
        try lock.hold(for: "close") { try database.close() }
    }
}
