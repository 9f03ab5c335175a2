import GRDB
import RivuletBackbone
import RivuletSubscriptions

/// Writes a batch's events, many rows a statement: one statement for each costs SQLite half as much again (measured).
struct EventInsertion {
    struct Row {
        let stream: Int64
        let sequence: UInt64
        let object: Int64
        /// The sequence of the object's event before it.
        let previous: UInt64
        /// Which of its object's events it is, from 1 on.
        let ordinal: UInt64
    }

    private static let columns = 8
    private static let rowsAtOnce = 16
    private static let sqlForOne = sql(rows: 1)
    private static let sqlForMany = sql(rows: rowsAtOnce)

    private let one: PreparedStatement
    private let many: PreparedStatement
    private let time: Timestamp
    /// How many are still to come.
    private var left: Int
    /// How many rows of ``many`` are bound.
    private var bound = 0

    /// - Parameters:
    ///   - count: How many events there are to write.
    ///   - time: When all of them are said to have happened.
    init(of count: Int, at time: Timestamp, on db: Database) throws {
        one = try PreparedStatement(Self.sqlForOne, on: db)
        many = try PreparedStatement(Self.sqlForMany, on: db)
        self.time = time
        left = count
    }

    /// Writes the next event. It may wait for those that fill its statement, which come, since all are counted.
    mutating func write(_ event: NewEvent, as row: Row) throws {
        guard bound > 0 || left >= Self.rowsAtOnce else {
            try bind(event, row, to: one, at: 0)
            left -= 1
            return try one.run()
        }
        try bind(event, row, to: many, at: bound * Self.columns)
        left -= 1
        bound += 1
        if bound == Self.rowsAtOnce {
            try many.run()
            bound = 0
        }
    }

    private func bind(_ event: NewEvent, _ row: Row, to statement: PreparedStatement, at place: Int) throws {
        let place = CInt(place)
        try statement.bind(place + 1, row.stream)
        try statement.bind(place + 2, row.sequence)
        try statement.bind(place + 3, row.object)
        try statement.bind(place + 4, row.previous)
        try statement.bind(place + 5, row.ordinal)
        try statement.bind(place + 6, time.nanoseconds)
        try statement.bind(place + 7, text: event.subject.description)
        try statement.bind(place + 8, text: event.payload)
    }

    private static func sql(rows: Int) -> String {
        let row = "(" + repeatElement("?", count: columns).joined(separator: ", ") + ")"
        return "INSERT INTO events (stream, sequence, object, previous, ordinal, time, subject, payload) VALUES "
            + repeatElement(row, count: rows).joined(separator: ", ")
    }
}
