import GRDB

/// The events of one object from a number on, in order, found by following each to the one before it: from the object's last one, or from
/// a milestone that is far enough. So a page of a long history costs no more than one of a short.
struct ObjectEvents {
    /// As the index has them.
    private static let milestone = 64

    private let stream: Int64
    private let object: Int64
    private let last: Int64
    private let select: Statement
    private let db: Database
    /// Where the next stretch begins.
    private var from: Int64
    /// Numbers whose events come next, the last one first.
    private var stretch: [Int64] = []
    /// About how many numbers are looked up at a time.
    private let stretchLength: Int

    /// - Parameters:
    ///   - number: Of the object.
    ///   - columns: Of the rows that are given.
    ///   - expected: About how many of them will be wanted.
    init(of number: Int64, in stream: Int64, from: Int64, columns: String, expecting expected: Int, _ db: Database) throws {
        (self.stream, object, self.from, self.db) = (stream, number, from, db)
        stretchLength = min(max(1, expected), 4096)
        last = try Int64.fetchOne(db.cachedStatement(sql: "SELECT last_event FROM objects WHERE number = ?"), arguments: [number]) ?? 0
        select = try db.cachedStatement(sql: "SELECT \(columns) FROM events WHERE stream = ? AND sequence = ?")
    }

    /// The next event's row; nil when there are no more.
    mutating func next() throws -> Row? {
        if stretch.isEmpty { try findStretch() }
        guard let sequence = stretch.popLast() else { return nil }
        return try Row.fetchOne(select, arguments: [stream, sequence])
    }

    private mutating func findStretch() throws {
        let milestone = try db.cachedStatement(
            sql: """
                SELECT sequence FROM events INDEXED BY event_milestones
                WHERE object = ? AND sequence >= ? AND ordinal % \(Self.milestone) = 0 ORDER BY sequence LIMIT 1 OFFSET ?
                """)
        let found = try Int64.fetchOne(milestone, arguments: [object, from, (stretchLength - 1) / Self.milestone + 1]) ?? last
        let end = min(found, .max - 1)
        let previous = try db.cachedStatement(sql: "SELECT previous FROM events WHERE stream = ? AND sequence = ?")
        var sequence = end
        while sequence >= from {
            stretch.append(sequence)
            // Back only, also in a file that somebody has changed.
            sequence = min(try Int64.fetchOne(previous, arguments: [stream, sequence]) ?? 0, sequence - 1)
        }
        from = end + 1
    }
}
