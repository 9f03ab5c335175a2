/// Turns pages of a stream and live messages into every event exactly once, in order. Knows no bus and no clock.
///
/// It stands at a sequence up to which everything was given out. An event is a duplicate if it is not after that, and the next one
/// if the event before it (of the stream, or of the one object that is followed) is not after that either. Anything else means that
/// live messages were missed, and the stream is read from there on.
struct FollowMachine: Sendable {
    enum Step: Sendable, Hashable {
        /// Read a page from this sequence on. What waits of live messages may be dropped before, not after.
        case read(from: UInt64)
        /// Take a live message.
        case listen
        /// There is no more to come.
        case finish
    }

    typealias Output = FollowItem<EventEnvelope>

    struct Page: Sendable, Hashable {
        var events: [EventEnvelope]
        /// How many more events match, at least; 0 when none does.
        var pending: UInt64
        /// The stream's epoch, and the last sequence that was looked at.
        var looked: Position
    }

    private let ofOneObject: Bool
    private let follows: Bool
    private var epoch: String?
    /// Nil while it is to be the stream's head, which is not known yet.
    private var seen: UInt64?
    private var isBehind = true
    private var hasCaughtUp = false
    /// Whether the stream held what was seen, and is to say at the next page whether it still does.
    private var isResuming = false
    /// Whether the stream has been as far as `seen`.
    private var isConfirmed = false
    /// The last live message since the last page. They come in order, so one that comes again is another of its number.
    private var lastLive: UInt64 = 0

    /// - Parameters:
    ///   - ofOneObject: Whether pages and messages hold one object's events only.
    ///   - follows: Whether to go on once everything was read.
    init(from start: StartPosition, ofOneObject: Bool, follows: Bool) {
        self.ofOneObject = ofOneObject
        self.follows = follows
        switch start {
        case .beginning: seen = 0
        case .now: seen = nil
        case .sequence(let sequence): seen = max(1, sequence) - 1
        case .after(let position):
            seen = position.sequence
            if !position.epoch.isEmpty {
                epoch = position.epoch
                isResuming = true
                isConfirmed = true
            }
        }
    }

    /// What to do next.
    var step: Step {
        if isBehind { return .read(from: seen.map { $0 == .max ? $0 : $0 + 1 } ?? Self.beyondEveryHead) }
        return follows ? .listen : .finish
    }

    /// Where a follower stands who has had all outputs.
    var position: Position { Position(epoch: epoch ?? "", sequence: seen ?? 0) }

    /// A page was read.
    mutating func take(_ page: Page) -> [Output] {
        defer { isResuming = false }
        let stream = page.looked.epoch
        let wasPutBack = isResuming && page.pending == 0 && page.looked.sequence < (seen ?? 0)
        if let epoch, epoch != stream || wasPutBack { return replace(by: stream) }
        epoch = stream
        var outputs: [Output] = []
        var last = seen ?? page.looked.sequence
        for event in page.events where event.position.sequence > last {
            report(missingFrom: last, to: before(event), in: &outputs)
            outputs.append(.event(event, event.position))
            last = event.position.sequence
        }
        if !ofOneObject { report(missingFrom: last, to: page.looked.sequence, in: &outputs) }
        last = max(last, page.looked.sequence)
        if page.pending == 0 {
            isBehind = false
            if !hasCaughtUp { outputs.append(.caughtUp) }
            hasCaughtUp = true
        }
        isConfirmed = isConfirmed || last <= page.looked.sequence
        lastLive = 0
        seen = last
        return outputs
    }

    /// A live message came.
    mutating func take(live event: EventEnvelope) -> [Output] {
        guard !isBehind, let seen else { return [] }
        // A page tells whether this is the new stream's first or the old one's last message.
        guard event.position.epoch == epoch else {
            isBehind = true
            return []
        }
        defer { lastLive = event.position.sequence }
        guard event.position.sequence > lastLive else {
            lostLiveMessages()
            return []
        }
        guard event.position.sequence > seen else { return [] }
        guard before(event) <= seen else {
            isBehind = true
            return []
        }
        self.seen = event.position.sequence
        isConfirmed = true
        return [.event(event, event.position)]
    }

    /// Live messages may have been missed.
    mutating func lostLiveMessages() {
        isBehind = true
        isResuming = isConfirmed
    }

    /// Far enough that nothing matches, and within what databases can count.
    private static let beyondEveryHead = UInt64(Int64.max)

    /// The event that must have been seen before this one.
    private func before(_ event: EventEnvelope) -> UInt64 {
        ofOneObject ? event.previous : event.position.sequence - 1
    }

    private func report(missingFrom seen: UInt64, to last: UInt64, in outputs: inout [Output]) {
        if last > seen { outputs.append(.gap(.missing(seen + 1...last))) }
    }

    private mutating func replace(by stream: String) -> [Output] {
        let was = position
        epoch = stream
        seen = 0
        isConfirmed = false
        isBehind = true
        return [.gap(.replaced(was: was, epoch: stream))]
    }
}
