/// The messages an activation has scheduled for itself.
struct Schedules: Sendable {
    struct Entry: Sendable {
        var token: UInt64
        var action: ScheduledAction?
    }

    private var entries: [String: Entry] = [:]
    private var lastToken: UInt64 = 0

    var isEmpty: Bool { entries.isEmpty }

    /// Makes room for a schedule, taking the place of one of the same name.
    mutating func reserve(_ name: String?) -> (key: String, token: UInt64) {
        lastToken += 1
        let key = name ?? "\u{0}\(lastToken)"  // no name an application would use
        entries[key]?.action?.cancel()
        entries[key] = Entry(token: lastToken, action: nil)
        return (key, lastToken)
    }

    /// Keeps the means to cancel; the schedule may have fired or been replaced meanwhile.
    mutating func set(_ action: ScheduledAction, key: String, token: UInt64) {
        guard entries[key]?.token == token else { return action.cancel() }
        entries[key]?.action = action
    }

    /// Whether the schedule still counts, now that its time has come.
    mutating func fire(key: String, token: UInt64) -> Bool {
        guard entries[key]?.token == token else { return false }
        entries[key] = nil
        return true
    }

    mutating func cancel(_ name: String) {
        entries.removeValue(forKey: name)?.action?.cancel()
    }

    mutating func cancelAll() {
        for entry in entries.values { entry.action?.cancel() }
        entries = [:]
    }
}
