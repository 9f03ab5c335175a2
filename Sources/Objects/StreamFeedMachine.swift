import DequeModule
import RivuletBackbone

/// Decides in which order the durable events of one stream reach the subscribers of this node: 1, 2, 3 …, each once, whichever node
/// committed them. Knows no bus, no store and no clock.
///
/// It stands at a number up to which everything was given out. Events that this node commits come from memory when they are next; what
/// others have committed is read from the log first. What this node has committed and not told yet is never read. At most one portion of
/// events is out for delivery, and one page is being read.
struct StreamFeedMachine: Sendable {
    enum Action: Sendable, Hashable {
        /// Give these out, then say ``delivered()``.
        case deliver(EventPortion)
        /// Read a page of these numbers at most, then ``take(_:)`` it, or say ``readFailed()``; or ``passOver()`` if nobody wants them.
        case read(ClosedRange<UInt64>)
        /// Say ``retry()`` after so long.
        case pause(Duration)
        case none
    }

    private struct Reading: Sendable {
        let numbers: ClosedRange<UInt64>
        /// Whether it need not be read if nobody wants it. It must be to learn which life of the stream this is, and after a delivery that
        /// was under way: who comes in the midst of that gets the rest of it, and then wants what follows.
        var mayBePassedOver: Bool
        /// The greatest number that was heard of meanwhile.
        var heardOf: UInt64 = 0
    }

    private static let shortestPause = Duration.milliseconds(50)
    private static let longestPause = Duration.seconds(2)

    /// How many committed events, and how many bytes of them, may wait for those before them. The others are read again.
    private let capacity: Int
    private let byteCapacity: Int

    /// Nil until the stream is known.
    private var epoch: String?
    /// Everything up to here was given out.
    private var cursor: UInt64
    /// Up to here there are events, and this node has told of those that it committed.
    private var known: UInt64
    /// Events of a page that came during a delivery.
    private var arrived: [StoredEvent] = []
    private var kept: Deque<CommittedEvents> = []
    private var keptEvents = 0
    private var keptBytes = 0
    private var isDelivering = false
    private var reading: Reading?
    private var failures = 0
    private var isPausing = false
    /// Where the cursor stood when the head was last seen.
    private var cursorAtLook: UInt64 = 0
    private var mustVerify = false

    /// A feed that begins after what there is; nil for a stream that is not known, of which everything is given out.
    init(after state: StreamState? = nil, capacity: Int = 4096, byteCapacity: Int = 4 << 20) {
        epoch = state?.epoch
        cursor = state?.last ?? 0
        known = cursor
        self.capacity = capacity
        self.byteCapacity = byteCapacity
    }

    /// How many committed events wait.
    var waiting: Int { keptEvents }

    // MARK: What happens

    /// This node has committed turns, all in one transaction. They come in the order of the stream.
    mutating func committed(_ turns: [CommittedEvents]) -> Action {
        if let theirs = turns.first?.receipt.streamEpoch, theirs != epoch {
            // Late ones of a stream that was replaced, or the first of the one that replaces it: the log knows.
            guard epoch == nil else {
                mustVerify = true
                return next()
            }
            begin(theirs)
        }
        // What is next, which most often is all of it, need not fit into what is kept.
        let news = turns.drop { $0.last <= cursor }
        let ready = isDelivering ? [] : following(news)
        for turn in news.dropFirst(ready.count) {
            hear(of: turn.last)
            keep(turn)
        }
        return ready.isEmpty ? next() : give(Array(ready))
    }

    /// Those of the turns that follow what was given out, and each other.
    private func following(_ turns: ArraySlice<CommittedEvents>) -> ArraySlice<CommittedEvents> {
        var reached = cursor
        var end = turns.startIndex
        // By index: an element that is taken out is copied whole.
        while end < turns.endIndex, turns[end].first <= reached + 1 {
            reached = turns[end].last
            end += 1
        }
        return turns[..<end]
    }

    /// The stream's newest number was looked up, and this node has told of everything that it had committed by then.
    mutating func see(head: UInt64) -> Action {
        // Heads never go back, except in another stream.
        if head < cursorAtLook { mustVerify = true }
        cursorAtLook = cursor
        hear(of: head)
        return next()
    }

    /// The page was read that was asked for last.
    mutating func take(_ page: EventPage) -> Action {
        guard let reading else { return next() }
        guard !page.events.isEmpty || page.pending == 0 else { return readFailed() }
        self.reading = nil
        failures = 0
        if page.state.epoch != epoch {
            let isReplaced = epoch != nil
            begin(page.state.epoch)
            if isReplaced {
                known = page.state.last
                return next()
            }
        } else if page.state.last < reading.numbers.lowerBound - 1 {
            putBack(to: page.state.last)
        }
        cursor = max(cursor, max(1, page.state.first) - 1)  // what is not kept any more cannot be given out
        if page.state.last < known { known = max(page.state.last, reading.heardOf) }
        arrived = page.events.filter { $0.sequence <= known }
        return next()
    }

    /// Nobody wanted what was to be read when it was said to be, at which time it had been committed: who comes later wants what comes later.
    ///
    /// - Returns: Nil if it must be read all the same.
    mutating func passOver() -> Action? {
        guard let reading, reading.mayBePassedOver else { return nil }
        self.reading = nil
        cursor = max(cursor, reading.numbers.upperBound)
        return next()
    }

    /// The page could not be read.
    mutating func readFailed() -> Action {
        reading = nil
        failures += 1
        isPausing = true
        return .pause(min(Self.shortestPause * (1 << min(failures - 1, 10)), Self.longestPause))
    }

    /// The pause is over.
    mutating func retry() -> Action {
        isPausing = false
        return next()
    }

    /// What was to be delivered was given out.
    mutating func delivered() -> Action {
        isDelivering = false
        return next()
    }

    // MARK: What follows

    private mutating func next() -> Action {
        if !isDelivering {
            if let portion = nextArrived() { return give(portion) }
            if let turns = nextKept() { return give(turns) }
        }
        let last = kept.first.map { min(known, $0.first - 1) } ?? known
        guard mustVerify || cursor < last, arrived.isEmpty, reading == nil, !isPausing else { return .none }
        let numbers = cursor + 1...max(cursor + 1, last)
        reading = Reading(numbers: numbers, mayBePassedOver: !mustVerify && !isDelivering)
        mustVerify = false
        return .read(numbers)
    }

    private mutating func nextArrived() -> [StoredEvent]? {
        defer { arrived = [] }
        let news = arrived.drop { $0.sequence <= cursor }
        return news.isEmpty ? nil : Array(news)
    }

    private mutating func nextKept() -> [CommittedEvents]? {
        var turns: [CommittedEvents] = []
        var reached = cursor
        while let turn = kept.first, turn.first <= reached + 1 {
            kept.removeFirst()
            keptEvents -= turn.events.count
            keptBytes -= turn.bytes
            guard turn.last > reached else { continue }
            turns.append(turn)
            reached = turn.last
        }
        return turns.isEmpty ? nil : turns
    }

    private mutating func give(_ turns: [CommittedEvents]) -> Action {
        give(.committed(turns, from: cursor + 1), upTo: turns.last?.last)
    }

    private mutating func give(_ events: [StoredEvent]) -> Action {
        give(.read(events, epoch: epoch ?? ""), upTo: events.last?.sequence)
    }

    private mutating func give(_ portion: EventPortion, upTo last: UInt64?) -> Action {
        cursor = last ?? cursor
        isDelivering = true
        reading?.mayBePassedOver = false
        return .deliver(portion)
    }

    private mutating func hear(of number: UInt64) {
        known = max(known, number)
        if let reading { self.reading?.heardOf = max(reading.heardOf, number) }
    }

    private mutating func keep(_ turn: CommittedEvents) {
        let bytes = turn.bytes
        guard keptEvents + turn.events.count <= capacity, keptBytes + bytes <= byteCapacity else { return }
        kept.append(turn)
        keptEvents += turn.events.count
        keptBytes += bytes
    }

    // MARK: Other streams of the same name

    private mutating func begin(_ newEpoch: String) {
        if epoch != nil { putBack(to: 0) }
        epoch = newEpoch
    }

    private mutating func putBack(to last: UInt64) {
        cursor = last
        known = last
        arrived = []
        kept = []
        keptEvents = 0
        keptBytes = 0
        cursorAtLook = last
        mustVerify = false
    }
}
