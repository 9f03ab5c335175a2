import GRDB

/// Batches of messages, numbered without gap in the order in which they can be seen.
enum RelayTable {
    struct Batch: Sendable {
        let number: Int64
        let sender: String
        let frames: [UInt8]
    }

    /// How long a batch is kept for those who are behind, in nanoseconds.
    static let kept: Int64 = 10_000_000_000
    /// From how many bytes on no more are dropped in one go. Each page is read to find the next one, and a sign of life must not take long.
    private static let mostDropped: Int64 = 16 << 20
    private static let isOld = "(sent <= ? OR sent > ?)"

    /// The number of the newest batch there was.
    static func head(_ db: Database) throws -> Int64 {
        let select = try db.cachedStatement(sql: "SELECT seq FROM sqlite_sequence WHERE name = 'relay'")
        return try Int64.fetchOne(select) ?? 0
    }

    static func add(_ frames: [UInt8], from sender: String, at now: Int64, _ db: Database) throws {
        let insert = try PreparedStatement("INSERT INTO relay (sender, sent, frames) VALUES (?, ?, ?)", on: db)
        try insert.bind(1, text: sender)
        try insert.bind(2, now)
        try insert.bind(3, blob: frames)
        try insert.run()
    }

    /// Those of the `limit` oldest batches that are old, or from before the host was started, if they are not too large together.
    static func dropOld(atMost limit: Int64, at now: Int64, _ db: Database) throws {
        guard let last = try lastToDrop(atMost: limit, at: now, db) else { return }
        let delete = try PreparedStatement("DELETE FROM relay WHERE number <= ? AND \(isOld)", on: db)
        try delete.bind(1, last)
        try delete.bind(2, now - kept)
        try delete.bind(3, now)
        try delete.run()
    }

    private static func lastToDrop(atMost limit: Int64, at now: Int64, _ db: Database) throws -> Int64? {
        // From the table itself, where the length is known without the frames.
        let select = try db.cachedStatement(sql: "SELECT number, length(frames), \(isOld) FROM relay ORDER BY number LIMIT ?")
        let rows = try Row.fetchCursor(select, arguments: [now - kept, now, limit])
        var (last, bytes): (Int64?, Int64) = (nil, 0)
        while bytes < mostDropped, let row = try rows.next() {
            guard row[2] else { continue }
            last = row[0]
            bytes += row[1]
        }
        return last
    }

    /// Some batches after a number, without the frames of one sender.
    static func page(after number: Int64, but sender: String?, _ db: Database) throws -> [Batch] {
        let select = try db.cachedStatement(
            sql: """
                SELECT number, sender, CASE WHEN sender IS NOT ? THEN frames END FROM relay WHERE number > ? ORDER BY number LIMIT 256
                """)
        let rows = try Row.fetchCursor(select, arguments: [sender, number])
        var batches: [Batch] = []
        var bytes = 0
        while bytes < 1 << 22, let row = try rows.next() {
            let frames = try row.withUnsafeData(atIndex: 2) { $0.map { Array($0) } ?? [] }
            bytes += frames.count
            batches.append(Batch(number: row[0], sender: row[1], frames: frames))
        }
        return batches
    }
}
