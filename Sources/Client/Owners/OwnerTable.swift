import DequeModule
import RivuletSubscriptions

/// Which way messages to objects go, so that those to one object arrive in the order sent although the way changes.
///
/// The rule: an object's path changes only when the last message that was sent there has been answered by the object. Everything before
/// it has arrived then. While an answer says that another path is better and the last message is still to be answered, more requests
/// wait, so that there comes an end to it under load; a message that nobody answers goes the old path at once, and the change is
/// given up until the next answer.
///
/// Objects that are not in the table are reached over the main connection, and may leave the table whenever they are. Knows no
/// connection and no clock.
struct OwnerTable: Sendable {
    enum Path: Hashable, Sendable {
        case main
        /// The connection to an owner, by number.
        case direct(Int)
    }

    enum Route: Hashable, Sendable {
        case go(Path)
        /// The path is about to change.
        case wait
    }

    /// A message that was sent.
    struct Ticket: Hashable, Sendable {
        let number: UInt64
        let path: Path

        /// One over the main connection of which it is not known whether it was the last.
        static let uncounted = Ticket(number: 0, path: .main)
    }

    /// How a request has ended.
    enum Outcome: Hashable, Sendable {
        /// The object answered, and would sooner over another path if that is not the one it was asked over.
        case answered(better: Path)
        /// There is nobody who serves it.
        case refused
        /// Without an answer, or with one that may have overtaken messages.
        case unknown
    }

    private struct Entry {
        var path: Path
        /// The number of the last message that was sent to it.
        var last: UInt64
        /// Whether that is a request under way.
        var isAwaited: Bool
        /// Whether that was answered.
        var isSettled: Bool
        /// The path to change to; then requests wait.
        var wanted: Path?

        var mayGo: Bool { wanted == nil && (path == .main || isSettled) }
    }

    private var entries: [ObjectID: Entry] = [:]
    /// The entries by their last use, oldest first, and uses that were not the last.
    private var uses: Deque<(object: ObjectID, last: UInt64)> = []
    private var lastNumber = Ticket.uncounted.number + 1
    private let limit: Int

    init(limit: Int) {
        self.limit = limit
    }

    /// How many objects are remembered.
    var count: Int { entries.count }

    /// Where a message goes now; requests may have to wait.
    func route(to object: ObjectID, isRequest: Bool) -> Route {
        guard let entry = entries[object] else { return .go(.main) }
        return isRequest && entry.wanted != nil ? .wait : .go(entry.path)
    }

    /// A message was sent where the route said.
    ///
    /// - Parameter isCounted: Whether it is sure that all messages before it were counted, or have been sent.
    mutating func sent(to object: ObjectID, isRequest: Bool, isCounted: Bool = true) -> Ticket {
        lastNumber += 1
        guard var entry = entries[object] else { return Ticket(number: isCounted ? lastNumber : 0, path: .main) }
        entry.last = lastNumber
        entry.isAwaited = isRequest && isCounted
        entry.isSettled = false
        if !entry.isAwaited { entry.wanted = nil }
        entries[object] = entry
        use(object, lastNumber)
        return Ticket(number: isCounted ? lastNumber : 0, path: entry.path)
    }

    /// A request has ended.
    mutating func ended(_ ticket: Ticket, to object: ObjectID, _ outcome: Outcome) {
        guard var entry = entries[object] else { return begin(ticket, object, outcome) }
        guard entry.path == ticket.path else { return }
        var isProof = false
        switch outcome {
        case .answered(let better):
            entry.wanted = better == entry.path ? nil : better
            isProof = true
        // Who refuses has no messages left to handle.
        case .refused where entry.path != .main:
            entry.wanted = .main
            isProof = true
        case .refused, .unknown: break
        }
        if ticket.number == entry.last {
            entry.isAwaited = false
            if isProof {
                entry.isSettled = true
                entry.path = entry.wanted ?? entry.path
            }
        }
        if !entry.isAwaited { entry.wanted = nil }
        entries[object] = entry.isSettled && entry.path == .main ? nil : entry
    }

    /// A connection is gone, and with it what was sent there.
    mutating func lost(_ number: Int) {
        let path = Path.direct(number)
        entries = entries.filter { $0.value.path != path }
        for (object, entry) in entries where entry.wanted == path { entries[object]?.wanted = nil }
    }

    private mutating func begin(_ ticket: Ticket, _ object: ObjectID, _ outcome: Outcome) {
        guard ticket.path == .main, case .answered(let better) = outcome, better != .main else { return }
        // What was sent to it since is not known, but whether anything was sent at all.
        let isSettled = ticket.number == lastNumber
        lastNumber += 1
        entries[object] = Entry(
            path: isSettled ? better : .main, last: lastNumber, isAwaited: false, isSettled: isSettled, wanted: nil)
        use(object, lastNumber)
        makeRoom(besides: object)
    }

    private mutating func use(_ object: ObjectID, _ number: UInt64) {
        uses.append((object, number))
        guard uses.count > 2 * limit + 16 else { return }
        uses = Deque(uses.filter { entries[$0.object]?.last == $0.last })
    }

    private mutating func makeRoom(besides newcomer: ObjectID) {
        var spared = 0
        while entries.count > limit, spared < 8, let oldest = uses.popFirst() {
            guard let entry = entries[oldest.object], entry.last == oldest.last else { continue }
            if entry.mayGo {
                entries[oldest.object] = nil
            } else {
                uses.append(oldest)
                spared += 1
            }
        }
        if entries.count > limit { entries[newcomer] = nil }
    }
}
