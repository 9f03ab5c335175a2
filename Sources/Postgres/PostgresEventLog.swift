public import RivuletBackbone
public import RivuletSubscriptions

extension PostgresBackbone: EventLog {
    /// Makes the stream if there is none, and says how it stands.
    @discardableResult
    public func open(_ stream: String) async throws(StoreError) -> StreamState {
        if let state = try await state(of: stream) { return state }
        let epoch = StreamEpoch.make()
        var parameters = Parameters()
        parameters.add(SubjectToken.encode(stream))
        parameters.add(epoch)
        try await call("make the stream \(stream) in", statements.openStream, parameters) { _ in }
        return try await state(of: stream) ?? StreamState(epoch: epoch, first: 1, last: 0)
    }

    /// How the stream stands; nil when there is none.
    public func state(of stream: String) async throws(StoreError) -> StreamState? {
        var parameters = Parameters()
        parameters.add(SubjectToken.encode(stream))
        return try await call("look up the stream \(stream) in", statements.stream, parameters) { rows in
            guard rows.count > 0 else { return nil }
            return StreamState(epoch: rows.text(0, 0), first: rows.uint64(0, 1), last: rows.uint64(0, 2))
        }
    }

    /// Committed events from a number on, in order.
    public func read(_ request: EventRead) async throws(StoreError) -> EventPage {
        let filter = EventFilter(request.matching, stream: request.stream)
        var parameters = Parameters()
        parameters.add(SubjectToken.encode(request.stream))
        parameters.add(Int64(clamping: max(1, request.from)))
        parameters.add(optional: filter.id)
        parameters.add(optional: filter.pattern?.regularExpression)
        parameters.add(Int64(clamping: request.limit))
        parameters.add(Int64(clamping: request.byteLimit))
        parameters.add(Int64(clamping: max(1, request.lookLimit)))
        let page = try await call("read the stream \(request.stream) in", statements.read, parameters) { rows -> EventPage? in
            guard rows.count > 0 else { return nil }
            let standing = rows.count - 1
            let events = (0..<standing).map { row in
                StoredEvent(
                    sequence: rows.uint64(row, 5), previous: rows.uint64(row, 6), subject: Subject(received: rows.blob(row, 8)),
                    time: Timestamp(nanoseconds: rows.int64(row, 7)), payload: rows.blob(row, 9))
            }
            let state = StreamState(epoch: rows.text(standing, 0), first: rows.uint64(standing, 1), last: rows.uint64(standing, 2))
            return EventPage(state: state, events: events, looked: rows.uint64(standing, 4), pending: rows.uint64(standing, 3))
        }
        guard let page else {
            throw StoreError(
                .noStream, "cannot read the stream \(request.stream) in \(configuration.url): there is none of that name")
        }
        return page
    }

    /// The number of the newest event of every stream.
    public func heads() async throws(StoreError) -> [String: UInt64] {
        try await call("look up the streams in", statements.heads) { rows in
            let heads = (0..<rows.count).compactMap { row in SubjectToken.decode(rows.text(row, 0)).map { ($0, rows.uint64(row, 1)) } }
            return Dictionary(heads) { max($0, $1) }  // names that are equal as text, and not as bytes
        }
    }

    /// Rings when this node commits, and when another one may have.
    public func doorbell() async throws(StoreError) -> BoundedChannel<Void> {
        try listener.addEar()
    }
}

extension SubjectPattern {
    /// The same in PostgreSQL's words.
    fileprivate var regularExpression: String {
        let tokens = self.tokens
        let parts = tokens.enumerated().map { index, token in
            switch token {
            case "*": "[^.]+"
            case ">" where index == tokens.count - 1: ".+"
            default:
                token.unicodeScalars.map {
                    $0.isASCII && !$0.properties.isAlphabetic && $0.properties.numericType == nil ? "\\\($0)" : "\($0)"
                }.joined()
            }
        }
        return "^" + parts.joined(separator: "\\.") + "$"
    }
}
