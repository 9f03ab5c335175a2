import GRDB
import RivuletBackbone
import RivuletSubscriptions

/// A stream within one view of the data.
struct StreamView {
    let state: StreamState
    private let number: Int64
    private let db: Database

    /// Nil when there is no such stream.
    init?(_ stream: String, _ db: Database) throws {
        let select = try db.cachedStatement(
            sql: """
                SELECT number, epoch, head, (SELECT min(sequence) FROM events WHERE stream = streams.number)
                FROM streams WHERE name = ?
                """)
        guard let row = try Row.fetchOne(select, arguments: [SubjectToken.encode(stream)]) else { return nil }
        let last = UInt64(clamping: row[2] as Int64)
        state = StreamState(epoch: row[1], first: (row[3] as Int64?).map { max(1, UInt64(clamping: $0)) } ?? last + 1, last: last)
        number = row[0]
        self.db = db
    }

    func page(_ request: EventRead) throws -> EventPage {
        let filter = EventFilter(request.matching, stream: request.stream)
        var page = EventPage(state: state, events: [], pending: 0)
        var object: Int64?
        if let id = filter.id {
            object = try self.object(id, kind: request.stream)
            guard object != nil else { return page }
        }
        // An object's events before the first one are named by those after them, but are not there.
        let from = max(state.first, request.from)
        let isWhole = try fill(&page, request, filter.pattern, object, from)
        guard !isWhole else { return page }
        page.pending = try count(after: page.events.last?.sequence ?? from - 1, filter.pattern, object)
        return page
    }

    private func object(_ id: String, kind: String) throws -> Int64? {
        let select = try db.cachedStatement(sql: "SELECT number FROM objects WHERE kind = ? AND id = ?")
        return try Int64.fetchOne(select, arguments: [SubjectToken.encode(kind), id])
    }

    /// - Returns: True when nothing can match after the page.
    private func fill(
        _ page: inout EventPage, _ request: EventRead, _ pattern: SubjectPattern?, _ object: Int64?, _ from: UInt64
    ) throws -> Bool {
        let next = try rows("sequence, previous, time, subject, payload", object, from, expecting: request.limit)
        var bytes = 0
        while page.events.count < request.limit, page.events.isEmpty || bytes < request.byteLimit {
            guard let row = try next() else { return true }
            let subject = try Self.subject(row, 3)
            guard pattern?.matches(subject) ?? true else { continue }
            let payload = try row.withUnsafeData(atIndex: 4) { $0.map { Array($0) } ?? [] }
            bytes += payload.count
            page.events.append(
                StoredEvent(
                    sequence: UInt64(clamping: row[0] as Int64), previous: UInt64(clamping: row[1] as Int64), subject: subject,
                    time: Timestamp(nanoseconds: row[2]), payload: payload))
        }
        return false
    }

    private func count(after sequence: UInt64, _ pattern: SubjectPattern?, _ object: Int64?) throws -> UInt64 {
        if let pattern {
            let next = try rows("subject", object, sequence + 1, expecting: .max)
            var count: UInt64 = 0
            while let row = try next() {
                if pattern.matches(try Self.subject(row, 0)) { count += 1 }
            }
            return count
        }
        guard let object else { return state.last - min(state.last, max(sequence, state.first - 1)) }
        guard let first = try rows("ordinal", object, sequence + 1, expecting: 1)() else { return 0 }
        let count = try Int64.fetchOne(
            db.cachedStatement(sql: "SELECT event_count FROM objects WHERE number = ?"), arguments: [object])
        return UInt64(clamping: (count ?? 0) - (first[0] as Int64) + 1)
    }

    /// Gives one row after the other.
    private func rows(_ columns: String, _ object: Int64?, _ from: UInt64, expecting expected: Int) throws -> () throws -> Row? {
        let from = Int64(clamping: from)
        if let object {
            var events = try ObjectEvents(of: object, in: number, from: from, columns: columns, expecting: expected, db)
            return { try events.next() }
        }
        let select = try db.cachedStatement(sql: "SELECT \(columns) FROM events WHERE stream = ? AND sequence >= ? ORDER BY sequence")
        let cursor = try Row.fetchCursor(select, arguments: [number, from])
        return { try cursor.next() }
    }

    private static func subject(_ row: Row, _ column: Int) throws -> Subject {
        try row.withUnsafeData(atIndex: column) { $0.map { Subject(received: $0) } ?? Subject(received: []) }
    }
}
