import RivuletBackbone

/// What PostgreSQL or libpq said went wrong.
struct ServerError: Error, CustomStringConvertible {
    /// Five characters that say what it is; empty when it was libpq that noticed.
    let state: String
    /// What they said, in one line.
    let message: String
    /// Whether the connection is of no use any more.
    let isLost: Bool

    init(state: String = "", _ message: String, isLost: Bool) {
        self.state = state
        self.isLost = isLost
        let line = message.split(whereSeparator: \.isNewline).joined(separator: " ")
        self.message = line.hasPrefix("ERROR:  ") ? String(line.dropFirst(8)) : line
    }

    var description: String { message }

    /// In terms of the store.
    ///
    /// - Parameter task: What could not be done, up to the name of the store: `commit to`.
    func explained(_ task: String, _ store: String) -> StoreError {
        let (code, reason) = reading
        return StoreError(code, "cannot \(task) \(store): \(reason)", cause: self)
    }

    /// Whether the same may well succeed at once: others' transactions were in the way.
    var isConflict: Bool { state == "40001" || state == "40P01" }

    /// Whether the session does not know a statement that it should: another session stands behind the connection, as poolers do it, or
    /// the tables have changed.
    var isForgotten: Bool { ["26000", "42P05", "0A000"].contains(state) }

    private var reading: (StoreError.Code, String) {
        switch state {
        case CommitFunction.noStream: (.noStream, message)
        case "53100": (.full, "the database's disk is full (\(message))")
        case "25006": (.readOnly, "the database may not be written now (\(message))")
        case "42501": (.readOnly, "the user lacks a right (\(message))")
        case "57014": (.unavailable, "the database took too long (\(message))")
        case _ where ["42", "3F", "XX", "22", "23", "54"].contains(state.prefix(2)): (.incompatible, message)
        default: (.unavailable, message)
        }
    }
}
