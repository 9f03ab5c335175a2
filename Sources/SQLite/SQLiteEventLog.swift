import GRDB
public import RivuletBackbone
public import RivuletSubscriptions

extension SQLiteBackbone: EventLog {
    /// Makes the stream if there is none, and says how it stands.
    @discardableResult
    public func open(_ stream: String) async throws(StoreError) -> StreamState {
        if let state = try await state(of: stream) { return state }
        let epoch = StreamEpoch.make()
        let made = try await write("make the stream \(stream) in") { db in
            var made: StreamState?
            try db.inTransaction(.immediate) {
                try db.execute(
                    sql: "INSERT OR IGNORE INTO streams (name, epoch, head) VALUES (?, ?, 0)",
                    arguments: [SubjectToken.encode(stream), epoch])
                made = try StreamView(stream, db)?.state
                return .commit
            }
            return made
        }
        return made ?? StreamState(epoch: epoch, first: 1, last: 0)
    }

    /// How the stream stands; nil when there is none.
    public func state(of stream: String) async throws(StoreError) -> StreamState? {
        try await read("look up the stream \(stream) in") { db in try StreamView(stream, db)?.state }
    }

    /// Committed events from a number on, in order.
    public func read(_ request: EventRead) async throws(StoreError) -> EventPage {
        let file = file
        return try await read("read the stream \(request.stream) in") { db in
            guard let view = try StreamView(request.stream, db) else {
                throw StoreError(.noStream, "cannot read the stream \(request.stream) in \(file.path): there is none of that name")
            }
            return try view.page(request)
        }
    }

    /// The number of the newest event of every stream.
    public func heads() async throws(StoreError) -> [String: UInt64] {
        try await read("look up the streams in") { db in
            let rows = try Row.fetchAll(db, sql: "SELECT name, head FROM streams")
            let heads = rows.compactMap { row -> (String, UInt64)? in
                let name: String = row[0]
                return SubjectToken.decode(name).map { ($0, UInt64(clamping: row[1] as Int64)) }
            }
            return Dictionary(heads) { max($0, $1) }  // names that are equal as text, and not as bytes
        }
    }

    /// Rings with every commit of this node, and soon after those of others.
    public func doorbell() async throws(StoreError) -> BoundedChannel<Void> {
        try watch.addBell()
    }
}
