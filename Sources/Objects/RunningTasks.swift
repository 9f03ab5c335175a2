/// Tasks that have not ended, under numbers of their own. One may end before its starter has got hold of it.
struct RunningTasks: Sendable {
    private var tasks: [UInt64: Task<Void, Never>] = [:]
    private var endedEarly: Set<UInt64> = []
    private var lastNumber: UInt64 = 0

    var all: [Task<Void, Never>] { Array(tasks.values) }

    /// A number for a task that is about to start.
    mutating func reserve() -> UInt64 {
        lastNumber += 1
        return lastNumber
    }

    mutating func add(_ task: Task<Void, Never>, _ number: UInt64) {
        if endedEarly.remove(number) == nil { tasks[number] = task }
    }

    /// To be said once of each, at its end.
    mutating func end(_ number: UInt64) {
        if tasks.removeValue(forKey: number) == nil { endedEarly.insert(number) }
    }
}
