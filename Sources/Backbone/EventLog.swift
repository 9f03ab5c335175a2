public import RivuletSubscriptions

/// The streams of events: numbered 1, 2, 3 … without gap, readable from any number on.
public protocol EventLog: Sendable {
    /// Makes the stream if there is none, and says how it stands. A stream must have been opened once before turns commit to it.
    ///
    /// - Throws: ``StoreError``.
    @discardableResult
    func open(_ stream: String) async throws(StoreError) -> StreamState

    /// How the stream stands; nil when there is none.
    ///
    /// - Throws: ``StoreError``.
    func state(of stream: String) async throws(StoreError) -> StreamState?

    /// Committed events from a number on, in order.
    ///
    /// - Throws: ``StoreError``; `noStream` when there is none.
    func read(_ request: EventRead) async throws(StoreError) -> EventPage

    /// The number of the newest event of every stream there is, by name.
    ///
    /// - Throws: ``StoreError``.
    func heads() async throws(StoreError) -> [String: UInt64]

    /// Rings when events may have been committed since, by this node or another: soon after, and perhaps in vain. It says *look*, and
    /// carries no truth: whoever depends on it also looks now and then by himself. Rings that nobody has heard yet are one. It ends with
    /// the store, and when its reader lets go of it.
    ///
    /// - Throws: ``StoreError``.
    func doorbell() async throws(StoreError) -> BoundedChannel<Void>
}

/// How a stream stands.
public struct StreamState: Sendable, Hashable {
    /// Names this life of the stream; a stream made anew has another.
    public var epoch: String
    /// The number of the oldest event that is kept; `last` + 1 when none is.
    public var first: UInt64
    /// The number of the newest event; 0 when there was none yet.
    public var last: UInt64

    /// A stream's standing.
    public init(epoch: String, first: UInt64, last: UInt64) {
        self.epoch = epoch
        self.first = first
        self.last = last
    }
}

/// What to read of a stream.
public struct EventRead: Sendable, Hashable {
    /// The stream's name.
    public var stream: String
    /// The first number of interest; 0 and 1 both mean the oldest.
    public var from: UInt64
    /// Only events whose subject matches; nil for all.
    public var matching: SubjectPattern?
    /// At most so many events.
    public var limit: Int
    /// No further event once the payloads add up to this; the first one always comes.
    public var byteLimit: Int
    /// About how many events are looked at, at most, where each has to be compared with the pattern: a read whose pattern seldom matches
    /// ends there, and is gone on with after ``EventPage/looked``.
    public var lookLimit: Int

    /// A read.
    public init(
        stream: String, from: UInt64, matching: SubjectPattern? = nil, limit: Int = 256, byteLimit: Int = 1 << 20, lookLimit: Int = 50_000
    ) {
        self.stream = stream
        self.from = from
        self.matching = matching
        self.limit = limit
        self.byteLimit = byteLimit
        self.lookLimit = lookLimit
    }
}

/// A part of a stream.
public struct EventPage: Sendable, Hashable {
    /// How the stream stood when it was read, in the same view of the data as the events.
    public var state: StreamState
    /// The events, in order.
    public var events: [StoredEvent]
    /// Up to where the stream was looked at: what matches and is not after this number is in `events`, unless it is before what was asked for.
    public var looked: UInt64
    /// How many more events match after `looked`; where not all were looked at, about how many at least: 1 may be said in vain, 0 never.
    public var pending: UInt64

    /// A page.
    public init(state: StreamState, events: [StoredEvent], looked: UInt64, pending: UInt64) {
        self.state = state
        self.events = events
        self.looked = looked
        self.pending = pending
    }

    /// A page after which nothing matches.
    public init(state: StreamState, events: [StoredEvent]) {
        self.init(state: state, events: events, looked: state.last, pending: 0)
    }
}

/// A committed event.
public struct StoredEvent: Sendable, Hashable {
    /// Its number in the stream.
    public var sequence: UInt64
    /// The number of the same object's event before it; 0 for the first.
    public var previous: UInt64
    /// `evt.<Kind>.<id>.<Event>`.
    public var subject: Subject
    /// When it was committed.
    public var time: Timestamp
    /// The event as JSON.
    public var payload: [UInt8]

    /// An event.
    public init(sequence: UInt64, previous: UInt64, subject: Subject, time: Timestamp, payload: [UInt8]) {
        self.sequence = sequence
        self.previous = previous
        self.subject = subject
        self.time = time
        self.payload = payload
    }
}
