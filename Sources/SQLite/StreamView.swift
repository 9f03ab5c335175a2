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
        var page = EventPage(state: state, events: [])
        var object: Int64?
        if let id = filter.id {
            object = try self.object(id, kind: request.stream)
            guard object != nil else { return page }
        }
        // An object's events before the first one are named by those after them, but are not there.
        let from = max(state.first, request.from)
        if let pattern = filter.pattern {
            try fill(&page, request, matching: pattern, object, from)
        } else {
            try fill(&page, request, object, from)
        }
        return page
    }

    private func object(_ id: String, kind: String) throws -> Int64? {
        let select = try db.cachedStatement(sql: "SELECT number FROM objects WHERE kind = ? AND id = ?")
        return try Int64.fetchOne(select, arguments: [SubjectToken.encode(kind), id])
    }

    private func fill(_ page: inout EventPage, _ request: EventRead, _ object: Int64?, _ from: UInt64) throws {
        let next = try rows("sequence, previous, time, subject, payload", object, from, expecting: request.limit)
        var filling = Filling(request)
        while filling.hasRoom {
            guard let row = try next() else {
                page.events = filling.events
                return
            }
            try filling.add(row, Self.subject(row, 3))
        }
        page.events = filling.events
        let last = page.events.last?.sequence ?? from - 1
        page.pending = try count(after: last, object)
        if page.pending > 0 { page.looked = last }
    }

    /// Looks at no more events than it may, also to count the rest.
    private func fill(
        _ page: inout EventPage, _ request: EventRead, matching pattern: SubjectPattern, _ object: Int64?, _ from: UInt64
    ) throws {
        let next = try rows("sequence, previous, time, subject, payload", object, from, expecting: request.limit)
        var filling = Filling(request)
        var (looked, left) = (from - 1, max(1, request.lookLimit))
        while filling.hasRoom, left > 0 {
            guard let row = try next() else {
                page.events = filling.events
                return
            }
            let subject = try Self.subject(row, 3)
            if pattern.matches(subject) { try filling.add(row, subject) }
            looked = UInt64(clamping: row[0] as Int64)
            left -= 1
        }
        page.events = filling.events
        page.pending = try count(after: looked, matching: pattern, object, atMost: left)
        if page.pending > 0 { page.looked = looked }
    }

    /// How many events match after a number, at least; 1 may be said in vain.
    ///
    /// - Parameter looks: How many are looked at. Without their payloads, which may be large.
    private func count(after sequence: UInt64, matching pattern: SubjectPattern, _ object: Int64?, atMost looks: Int) throws -> UInt64 {
        let next = try rows("subject", object, sequence + 1, expecting: looks)
        var count: UInt64 = 0
        for _ in 0..<looks {
            guard let row = try next() else { return count }
            if pattern.matches(try Self.subject(row, 0)) { count += 1 }
        }
        return max(1, count)
    }

    /// How many events there are after a number.
    private func count(after sequence: UInt64, _ object: Int64?) throws -> UInt64 {
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

/// The events of a page, as long as there is room.
private struct Filling {
    private let limit: Int
    private let byteLimit: Int
    private var bytes = 0
    private(set) var events: [StoredEvent] = []

    init(_ request: EventRead) {
        (limit, byteLimit) = (request.limit, request.byteLimit)
    }

    var hasRoom: Bool { events.count < limit && (events.isEmpty || bytes < byteLimit) }

    /// Adds a row of number, previous number, time, subject and payload.
    mutating func add(_ row: Row, _ subject: Subject) throws {
        let payload = try row.withUnsafeData(atIndex: 4) { $0.map { Array($0) } ?? [] }
        bytes += payload.count
        events.append(
            StoredEvent(
                sequence: UInt64(clamping: row[0] as Int64), previous: UInt64(clamping: row[1] as Int64), subject: subject,
                time: Timestamp(nanoseconds: row[2]), payload: payload))
    }
}
