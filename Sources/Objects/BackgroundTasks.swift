/// The background work of one activation that is under way.
struct BackgroundTasks: Sendable {
    /// nil for one that is just being started.
    private var tasks: [UInt64: Task<Void, Never>?] = [:]
    private var lastNumber: UInt64 = 0

    var all: [Task<Void, Never>] { tasks.values.compactMap(\.self) }

    /// Makes a place for a task, under a number of its own.
    mutating func reserve() -> UInt64 {
        lastNumber += 1
        tasks.updateValue(nil, forKey: lastNumber)
        return lastNumber
    }

    /// - Returns: False when its place is gone: it is over, or all were taken.
    mutating func set(_ task: Task<Void, Never>, for number: UInt64) -> Bool {
        guard tasks[number] != nil else { return false }
        tasks[number] = task
        return true
    }

    /// One that is over.
    mutating func remove(_ number: UInt64) {
        tasks[number] = nil
    }

    mutating func takeAll() -> [Task<Void, Never>] {
        defer { tasks = [:] }
        return all
    }
}
