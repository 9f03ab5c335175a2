import GRDB
import RivuletBackbone
import RivuletSubscriptions

/// One batch on its way into the file: first every turn is judged on what is stored and on the turns before it, then each object is
/// written once with what its last turn left, and the events with their numbers.
struct CommitTransaction {
    private struct ObjectRow {
        let object: ObjectID
        /// Where its kind stands in ``kinds``.
        let kind: Int
        var number: Int64?
        var version: UInt64 = 0
        var ownerEpoch: UInt64 = 0
        var lastEvent: UInt64 = 0
        var eventCount: UInt64 = 0
        /// The ordinal of the last event that is written already.
        var lastOrdinal: UInt64 = 0
        var state: [UInt8]?
        var isTouched = false
        var fence = TurnFence()
    }

    private struct Kind {
        let name: String
        /// The name as it is stored.
        let token: String
        /// Where its stream stands in ``streams``, once a turn had events.
        var stream: Int?
    }

    private struct StreamRow {
        let number: Int64
        let epoch: String
        var head: UInt64
    }

    private let db: Database
    private let time: Timestamp
    private let forgetTime: Timestamp
    private let file: StoreFile
    private var rows: [ObjectRow] = []
    private var rowIndex: [ObjectID: Int] = [:]
    private var kinds: [Kind] = []
    private var streams: [StreamRow] = []
    /// For each turn, its object's row.
    private var rowOfTurn: [Int] = []
    /// Of all turns.
    private var eventCount = 0
    private let selectObject: PreparedStatement
    /// The kind that ``selectObject`` is bound to.
    private var selectedKind: Int?

    /// Commits the batch, or throws and leaves nothing of it.
    ///
    /// - Parameter forgetTime: Idempotency records that expire until then may go.
    static func run(
        _ batch: [TurnCommit], on db: Database, at time: Timestamp, forgettingUntil forgetTime: Timestamp, file: StoreFile
    ) throws -> [TurnOutcome] {
        if db.isInsideTransaction { try db.rollback() }  // an earlier rollback failed
        try db.beginTransaction(.immediate)
        let outcomes: [TurnOutcome]
        do {
            var transaction = try CommitTransaction(of: batch.count, db: db, time: time, forgetTime: forgetTime, file: file)
            outcomes = try transaction.judge(batch)
            try transaction.write(batch, outcomes)
        } catch {
            try? db.rollback()
            throw error
        }
        do {
            try db.commit()
        } catch {
            try? db.rollback()
            throw Self.afterCommit(error, file)
        }
        return outcomes
    }

    /// A COMMIT that found no room, no permission or a lock wrote no commit mark. After any other trouble, such as a sync that
    /// failed, the mark may be in the log, and a recovery may find it.
    private static func afterCommit(_ error: any Error, _ file: StoreFile) -> any Error {
        let definite: [ResultCode] = [.SQLITE_FULL, .SQLITE_READONLY, .SQLITE_BUSY]
        if let error = error as? DatabaseError, definite.contains(error.resultCode) { return error }
        return StoreError(.unknownOutcome, "cannot tell whether \(file.path) holds the last commit: \(error)", cause: error)
    }

    private init(of count: Int, db: Database, time: Timestamp, forgetTime: Timestamp, file: StoreFile) throws {
        (self.db, self.time, self.forgetTime, self.file) = (db, time, forgetTime, file)
        selectObject = try PreparedStatement(
            "SELECT number, version, owner_epoch, last_event, event_count FROM objects WHERE kind = ? AND id = ?", on: db)
        rows.reserveCapacity(count)
        rowIndex.reserveCapacity(count)
        rowOfTurn.reserveCapacity(count)
    }

    // MARK: Judging

    private mutating func judge(_ batch: [TurnCommit]) throws -> [TurnOutcome] {
        var outcomes: [TurnOutcome] = []
        outcomes.reserveCapacity(batch.count)
        // In a span, since an element that is taken out of an array is copied whole.
        let turns = batch.span
        for index in turns.indices { outcomes.append(try judge(turns[index])) }
        return outcomes
    }

    private mutating func judge(_ turn: TurnCommit) throws -> TurnOutcome {
        let index = try row(of: turn.object)
        rowOfTurn.append(index)
        guard rows[index].fence.admits(turn, on: rows[index].version, rows[index].ownerEpoch) else { return .fenced }
        var receipt = CommitReceipt(previousSequence: rows[index].lastEvent, time: time)
        if !turn.events.isEmpty {
            let stream = try stream(of: rows[index].kind, for: turn.object)
            receipt.streamEpoch = streams[stream].epoch
            receipt.firstSequence = streams[stream].head + 1
            streams[stream].head += UInt64(turn.events.count)
            rows[index].lastEvent = streams[stream].head
            rows[index].eventCount += UInt64(turn.events.count)
            eventCount += turn.events.count
        }
        rows[index].version += 1
        rows[index].isTouched = true
        if let state = turn.state { rows[index].state = state }
        return .committed(receipt)
    }

    private mutating func row(of object: ObjectID) throws -> Int {
        let index = rowIndex.value(of: object, ifNew: rows.count)
        guard index == rows.count else { return index }
        let kind = kind(of: object)
        if kind != selectedKind {
            try selectObject.bind(1, text: kinds[kind].token)
            selectedKind = kind
        }
        let stored = try selectObject.firstRow(lending: SubjectToken.encode(object.id), as: 2) { row in
            ObjectRow(
                object: object, kind: kind, number: row.int64(0), version: row.uint64(1), ownerEpoch: row.uint64(2),
                lastEvent: row.uint64(3), eventCount: row.uint64(4), lastOrdinal: row.uint64(4))
        }
        rows.append(stored ?? ObjectRow(object: object, kind: kind))
        return index
    }

    /// Looks through all there are: a batch has turns of few kinds.
    private mutating func kind(of object: ObjectID) -> Int {
        if let known = kinds.firstIndex(where: { $0.name.hasSameBytes(as: object.kind) }) { return known }
        kinds.append(Kind(name: object.kind, token: SubjectToken.encode(object.kind)))
        return kinds.count - 1
    }

    private mutating func stream(of kind: Int, for object: ObjectID) throws -> Int {
        if let known = kinds[kind].stream { return known }
        let select = try PreparedStatement("SELECT number, epoch, head FROM streams WHERE name = ?", on: db)
        try select.bind(1, text: kinds[kind].token)
        guard let stored = try select.firstRow({ StreamRow(number: $0.int64(0), epoch: $0.text(1), head: $0.uint64(2)) }) else {
            throw StoreError(.noStream, "cannot commit events of \(object) to \(file.path): there is no stream \(object.kind)")
        }
        streams.append(stored)
        kinds[kind].stream = streams.count - 1
        return streams.count - 1
    }

    // MARK: Writing

    private mutating func write(_ batch: [TurnCommit], _ outcomes: [TurnOutcome]) throws {
        try writeObjects()
        try writeEvents(batch, outcomes)
        try writeReplies(batch, outcomes)
        try writeStreams()
        try forgetExpired(atMost: 2 * batch.count + 16)
    }

    private mutating func writeObjects() throws {
        let insert = try PreparedStatement(
            "INSERT INTO objects (version, last_event, event_count, updated, state, kind, id, owner_epoch) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            on: db)
        let update = try PreparedStatement(
            "UPDATE objects SET version = ?, last_event = ?, event_count = ?, updated = ?, state = ifnull(?, state) WHERE number = ?",
            on: db)
        for index in rows.indices where rows[index].isTouched {
            let number = rows[index].number
            let statement = number == nil ? insert : update
            try statement.bind(1, rows[index].version)
            try statement.bind(2, rows[index].lastEvent)
            try statement.bind(3, rows[index].eventCount)
            try statement.bind(4, time.nanoseconds)
            if let number {
                try update.bind(6, number)
                try update.run(lending: rows[index].state, as: 5)
            } else {
                try insert.bind(6, text: kinds[rows[index].kind].token)
                try insert.bind(7, text: SubjectToken.encode(rows[index].object.id))
                try insert.bind(8, rows[index].ownerEpoch)
                try insert.run(lending: rows[index].state, as: 5)
                rows[index].number = db.lastInsertedRowID
            }
        }
    }

    private mutating func writeEvents(_ batch: [TurnCommit], _ outcomes: [TurnOutcome]) throws {
        guard eventCount > 0 else { return }
        var insertion = try EventInsertion(of: eventCount, at: time, on: db)
        for index in batch.indices where !batch[index].events.isEmpty {
            let row = rowOfTurn[index]
            guard case .committed(let receipt) = outcomes[index], let object = rows[row].number,
                let stream = kinds[rows[row].kind].stream
            else { continue }
            var (sequence, previous) = (receipt.firstSequence, receipt.previousSequence)
            for event in batch[index].events {
                rows[row].lastOrdinal += 1
                try insertion.write(
                    event,
                    as: EventInsertion.Row(
                        stream: streams[stream].number, sequence: sequence, object: object, previous: previous,
                        ordinal: rows[row].lastOrdinal))
                previous = sequence
                sequence += 1
            }
        }
    }

    private func writeReplies(_ batch: [TurnCommit], _ outcomes: [TurnOutcome]) throws {
        let insert = try PreparedStatement(
            "INSERT OR REPLACE INTO replies (object, message_id, expires, payload) VALUES (?, ?, ?, ?)", on: db)
        for index in batch.indices {
            guard let reply = batch[index].reply, case .committed = outcomes[index], let object = rows[rowOfTurn[index]].number else {
                continue
            }
            try insert.bind(1, object)
            try insert.bind(2, text: reply.messageID)
            try insert.bind(3, reply.expires.nanoseconds)
            try insert.bind(4, blob: reply.payload)
            try insert.run()
        }
    }

    private func writeStreams() throws {
        let raise = try PreparedStatement("UPDATE streams SET head = ? WHERE number = ?", on: db)
        for stream in streams {
            try raise.bind(1, stream.head)
            try raise.bind(2, stream.number)
            try raise.run()
        }
    }

    /// A few more than may have come with this batch, so that old records shrink away without ever holding a commit up for long.
    private func forgetExpired(atMost limit: Int) throws {
        let delete = try PreparedStatement(
            "DELETE FROM replies WHERE number IN (SELECT number FROM replies WHERE expires <= ? ORDER BY expires LIMIT ?)", on: db)
        try delete.bind(1, forgetTime.nanoseconds)
        try delete.bind(2, Int64(limit))
        try delete.run()
    }
}

extension Dictionary {
    /// The value of a key: if it has none, `new` from now on. Hashes the key but once.
    fileprivate mutating func value(of key: Key, ifNew new: Value) -> Value {
        func read(_ value: inout Value) -> Value { value }
        return read(&self[key, default: new])
    }
}
