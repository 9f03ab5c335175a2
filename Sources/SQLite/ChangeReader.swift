import GRDB

/// A connection of its own that tells whether others have committed. Blocks.
final class ChangeReader {
    private let connection: DatabaseQueue
    private var version: Int64?
    private var heads: Int64?

    init(_ file: StoreFile) throws {
        var configuration = Configuration()
        configuration.readonly = true
        configuration.busyMode = .timeout(2)
        configuration.label = "rivulet.sqlite.watch"
        connection = try DatabaseQueue(path: file.path, configuration: configuration)
    }

    /// Whether any other connection has committed since this was asked last.
    func hasChanged() throws -> Bool {
        let current = try number("PRAGMA data_version")
        defer { version = current }
        return current != version
    }

    /// Whether there are more events than when this was asked last.
    func hasMoreEvents() throws -> Bool {
        let current = try number("SELECT sum(head) FROM streams")
        defer { heads = current }
        return current != heads
    }

    /// The number of the newest batch of the relay, and some batches after a number, without the frames of one sender.
    func relay(after number: Int64, but sender: String?) throws -> (head: Int64, batches: [RelayTable.Batch]) {
        try connection.unsafeRead { db in
            // In this order, so that the batches up to the head must be seen.
            let head = try RelayTable.head(db)
            return (head, try RelayTable.page(after: number, but: sender, db))
        }
    }

    private func number(_ sql: String) throws -> Int64 {
        try connection.unsafeRead { db in try PreparedStatement(sql, on: db).firstRow { $0.int64(0) } ?? 0 }
    }
}
