import DequeModule

/// Calls that become one batch while another is on its way.
///
/// A batch gives up when the first of its calls has to. No call that waits has to any sooner, so none needs a timer of its own; and the
/// calls of a batch are about as old as its first, so none is given up long before its time.
struct BatchQueue<Call: Sendable>: Sendable {
    struct Waiting: Sendable {
        let call: Call
        let deadline: Deadline
    }

    /// Most calls of a batch.
    static var batchLimit: Int { 512 }
    /// By how much a call of a batch may be younger than the first one.
    static var batchSpread: Duration { .milliseconds(500) }
    /// More than these would wait longer than is useful.
    static var limit: Int { 16_384 }

    private var waiting: Deque<Waiting> = []
    private var isUnderWay = false

    /// Whether nothing waits and nothing is on its way.
    var isIdle: Bool { waiting.isEmpty && !isUnderWay }

    /// - Returns: False when there is no room.
    mutating func add(_ call: Call, until deadline: Deadline) -> Bool {
        guard waiting.count < Self.limit else { return false }
        waiting.append(Waiting(call: call, deadline: deadline))
        return true
    }

    /// Takes the next batch, oldest call first; nil when one is on its way or nothing waits.
    mutating func begin() -> [Waiting]? {
        guard !isUnderWay, let first = waiting.first else { return nil }
        isUnderWay = true
        let batch = Array(waiting.prefix(Self.batchLimit).prefix { $0.deadline - first.deadline <= Self.batchSpread })
        waiting.removeFirst(batch.count)
        return batch
    }

    /// The batch that is on its way has been answered.
    mutating func end() {
        isUnderWay = false
    }
}
