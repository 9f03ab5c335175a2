import RivuletBackbone
import RivuletContract

@testable import RivuletObjects

/// A stream that this node and others commit to, and this node's feed of it; how all that interleaves is decided from outside.
struct FeedModel {
    /// What can happen next.
    enum Step: CaseIterable {
        case release, beginLook, endLook, read, fail, retry, finishDelivery, follow, joinDelivery, findNobody, passOver
    }

    private(set) var machine: StreamFeedMachine
    private let pageSize: Int
    private var epoch = 1
    private var log: [StoredEvent] = []
    /// Turns of this node that have committed, and whose events have not reached the feed yet.
    private var releases: [CommittedEvents] = []
    private var released = 0
    /// The head that was looked up, and how many turns must be released before the feed may know.
    private var look: (head: UInt64, released: Int)?
    /// A read that was asked for, and its page once that was looked up.
    private var reading: (numbers: ClosedRange<UInt64>, page: EventPage?)?
    /// Whether nobody was found who wants what is to be read.
    private var foundNobody = false
    /// How many events the stream had when somebody came who wants them: what is given out from then on, perhaps also the rest of a delivery that
    /// is under way.
    private var followedSince: Int?
    /// What is out for delivery.
    private var portion: [EventEnvelope] = []
    private var isPausing = false
    private var isDelivering = false
    private(set) var reads = 0
    private(set) var delivered: [Position] = []
    private(set) var payloads: [[UInt8]] = []
    /// What a machine must never do.
    private(set) var mistakes: [String] = []

    /// - Parameter isFollowed: Whether somebody wants the events from the beginning; else somebody comes later.
    init(history: Int = 0, pageSize: Int, capacity: Int = 4096, isFollowed: Bool = true) {
        self.pageSize = pageSize
        followedSince = isFollowed ? 0 : nil
        for _ in 0..<history { log.append(Self.event(UInt64(log.count + 1))) }
        let state = StreamState(epoch: "1", first: 1, last: UInt64(history))
        machine = StreamFeedMachine(after: history == 0 ? nil : state, capacity: capacity)
    }

    static func event(_ sequence: UInt64) -> StoredEvent {
        StoredEvent(
            sequence: sequence, previous: sequence - 1, subject: Subject(received: "evt.K.a.E".utf8), time: Timestamp(nanoseconds: 0),
            payload: Array("\(sequence)".utf8))
    }

    private var state: StreamState { StreamState(epoch: "\(epoch)", first: 1, last: UInt64(log.count)) }

    // MARK: What nodes do

    /// - Parameter isMine: Whether this node commits; it learns of it later, and never if the outcome was unknown to it.
    mutating func commit(_ count: Int, isMine: Bool, isKnown: Bool = true) {
        let first = UInt64(log.count + 1)
        let news = (first..<first + UInt64(count)).map { Self.event($0) }
        log += news
        guard isMine else { return }
        guard isKnown else { return }
        let receipt = CommitReceipt(
            streamEpoch: "\(epoch)", firstSequence: first, previousSequence: first - 1, time: Timestamp(nanoseconds: 0))
        releases.append(CommittedEvents(events: news.map { NewEvent(subject: $0.subject, payload: $0.payload) }, receipt: receipt))
    }

    mutating func replaceStream() {
        epoch += 1
        log = []
    }

    // MARK: What happens around the feed

    var possible: [Step] { Step.allCases.filter(isPossible) }

    private func isPossible(_ step: Step) -> Bool {
        switch step {
        case .release: !releases.isEmpty
        case .beginLook: look == nil
        case .endLook: look.map { $0.released <= released } ?? false
        case .read, .fail: reading != nil
        case .retry: isPausing
        case .finishDelivery: isDelivering
        case .follow: !isFollowed
        case .joinDelivery: !isFollowed && !portion.isEmpty
        case .findNobody: !isFollowed && !foundNobody && reading.map { $0.page == nil } ?? false
        case .passOver: foundNobody
        }
    }

    private var isFollowed: Bool { followedSince != nil }

    mutating func take(_ step: Step) {
        switch step {
        case .release:
            // As many as a batch may have had, in a way that a seed repeats; a batch knows one life of a stream.
            let epoch = releases.first?.receipt.streamEpoch
            let turns = Array(releases.prefix(1 + released % 3).prefix { $0.receipt.streamEpoch == epoch })
            released += turns.count
            releases.removeFirst(turns.count)
            perform(machine.committed(turns))
        case .beginLook: look = (UInt64(log.count), released + releases.count)
        case .endLook:
            guard let head = look?.head else { return }
            look = nil
            perform(machine.see(head: head))
        case .read: read()
        case .fail:
            (reading, foundNobody) = (nil, false)
            perform(machine.readFailed())
        case .retry:
            isPausing = false
            perform(machine.retry())
        case .finishDelivery:
            isDelivering = false
            portion = []
            perform(machine.delivered())
        case .follow: followedSince = log.count
        case .joinDelivery:
            followedSince = log.count
            if let last = portion.last { receive(last) }
        case .findNobody: foundNobody = true
        case .passOver:
            foundNobody = false
            if let action = machine.passOver() {
                reading = nil
                perform(action)
            }
        }
    }

    private mutating func receive(_ event: EventEnvelope) {
        delivered.append(event.position)
        payloads.append(event.payload)
    }

    /// Takes two steps, between which other things can happen.
    private mutating func read() {
        guard let (numbers, page) = reading else { return }
        foundNobody = false
        if let page {
            reading = nil
            return perform(machine.take(page))
        }
        let rest = log.drop { $0.sequence < numbers.lowerBound }
        let events = Array(rest.prefix(min(pageSize, numbers.count)))
        reading = (
            numbers,
            EventPage(state: state, events: events, looked: events.last?.sequence ?? state.last, pending: UInt64(rest.count - events.count))
        )
    }

    /// Lets everything come to an end.
    mutating func settle() {
        for _ in 0..<3 {
            while let step = possible.first(where: { $0 != .beginLook && $0 != .fail }) { take(step) }
            take(.beginLook)
        }
        while let step = possible.first(where: { $0 != .beginLook && $0 != .fail }) { take(step) }
    }

    private mutating func perform(_ action: StreamFeedMachine.Action) {
        switch action {
        case .deliver(let portion):
            if isDelivering { mistakes.append("two deliveries at a time") }
            isDelivering = true
            portion.forEachMessage(of: "K", where: { _ in true }) { message in
                guard let event = EventEnvelope(live: message) else { return mistakes.append("\(message) is no event") }
                self.portion.append(event)
                if isFollowed { receive(event) }
                if event.previous != event.position.sequence - 1 { mistakes.append("\(event) has a wrong number before it") }
            }
        case .read(let numbers):
            if reading != nil || isPausing { mistakes.append("a read too many, of \(numbers)") }
            reads += 1
            reading = (numbers, nil)
        case .pause:
            if isPausing { mistakes.append("two pauses at a time") }
            isPausing = true
        case .none: break
        }
    }

    // MARK: What must hold

    /// Nil if somebody who came while the stream grew got all from the first event on that it got, and all that was committed after it came.
    func faultForLateFollower() -> String? {
        if let mistake = mistakes.first { return mistake }
        guard let since = followedSince else { return nil }
        let first = delivered.first?.sequence ?? UInt64(log.count + 1)
        let isWhole = delivered.map(\.sequence).elementsEqual(first..<UInt64(log.count + 1))
        return isWhole && first <= since + 1 ? nil : "\(delivered) of \(log.count) for who came after \(since)"
    }

    /// Nil if each epoch's events were given out without gap from its first on, and the last epoch's to its end.
    func fault(after history: Int = 0) -> String? {
        if let mistake = mistakes.first { return mistake }
        var expected: [Position] = []
        var last = Position(epoch: "1", sequence: UInt64(history))
        for position in delivered {
            last = Position(epoch: position.epoch, sequence: position.epoch == last.epoch ? last.sequence + 1 : 1)
            expected.append(last)
        }
        if delivered != expected { return "\(delivered) is not in order" }
        if let (position, payload) = zip(delivered, payloads).first(where: { "\($0.sequence)".utf8.elementsEqual($1) == false }) {
            return "\(position) has the payload \(payload)"
        }
        if Set(delivered.map(\.epoch)).count != zip(delivered, delivered.dropFirst()).count(where: { $0.epoch != $1.epoch })
            + min(1, delivered.count)
        {
            return "\(delivered) goes back to an older stream"
        }
        let end = last.epoch == "\(epoch)" ? last.sequence : 0
        return end == UInt64(log.count) ? nil : "\(delivered) ends before \(epoch):\(log.count)"
    }
}
