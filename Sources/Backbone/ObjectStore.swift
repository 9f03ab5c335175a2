public import RivuletSubscriptions

/// Where objects' states, their events and their idempotency records are kept, committed together.
public protocol ObjectStore: Sendable {
    /// What is stored of an object; a fresh ``StoredObject`` when nothing is.
    ///
    /// - Throws: ``StoreError``.
    func load(_ object: ObjectID) async throws(StoreError) -> StoredObject

    /// Commits a batch in one durable transaction and says for each turn, in order, what became of it.
    ///
    /// For each turn: the object's row is written only if its version is the expected one and its owner epoch is the turn's; events
    /// get the next numbers of their stream, in batch order; the record is kept. A turn that does not meet its condition is
    /// ``TurnOutcome/fenced`` and leaves nothing, and so are later turns in the batch that build on it; all others go on. When this
    /// returns, what committed survives the loss of every process.
    ///
    /// - Throws: ``StoreError`` when nothing of the batch was committed, or with code `unknownOutcome` when that cannot be told.
    func commit(_ batch: [TurnCommit]) async throws(StoreError) -> [TurnOutcome]

    /// Where a task that does nothing but commit had best run, so that each commit takes the fewest changes of threads; nil if it does not
    /// matter.
    var commitExecutor: (any TaskExecutor)? { get }
}

extension ObjectStore {
    /// It does not matter.
    public var commitExecutor: (any TaskExecutor)? { nil }
}

/// An object as stored.
public struct StoredObject: Sendable, Hashable {
    /// The state as JSON; nil when no turn has written one.
    public var state: [UInt8]?
    /// Counts the commits of the object; 0 when there was none.
    public var version: UInt64
    /// The epoch under which the object is owned.
    public var ownerEpoch: UInt64
    /// The records of idempotent requests that have not expired.
    public var replies: [StoredReply]

    /// An object that nothing is stored of, unless values are given.
    public init(state: [UInt8]? = nil, version: UInt64 = 0, ownerEpoch: UInt64 = 0, replies: [StoredReply] = []) {
        self.state = state
        self.version = version
        self.ownerEpoch = ownerEpoch
        self.replies = replies
    }
}

/// The answer to an idempotent request, kept so that its repetition gets it again.
public struct StoredReply: Sendable, Hashable {
    /// The caller's id for the request.
    public var messageID: String
    /// The reply's payload.
    public var payload: [UInt8]
    /// When the record may be forgotten, on ``TimeSource/steadyTime``.
    public var expires: Timestamp

    /// A record.
    public init(messageID: String, payload: [UInt8], expires: Timestamp) {
        self.messageID = messageID
        self.payload = payload
        self.expires = expires
    }
}

/// What one turn wants committed. All its parts commit, or none.
public struct TurnCommit: Sendable, Hashable {
    /// The object whose turn it is.
    public var object: ObjectID
    /// The epoch under which the activation owns the object.
    public var ownerEpoch: UInt64
    /// The version the turn ran on; a commit raises it by one.
    public var expectedVersion: UInt64
    /// The new state as JSON; nil when it did not change.
    public var state: [UInt8]?
    /// The turn's durable events, in order; they go to the stream named as the object's kind.
    public var events: [NewEvent]
    /// The record of an idempotent request; nil for other requests.
    public var reply: StoredReply?

    /// A turn's commit.
    public init(
        object: ObjectID, ownerEpoch: UInt64, expectedVersion: UInt64, state: [UInt8]?, events: [NewEvent] = [],
        reply: StoredReply? = nil
    ) {
        self.object = object
        self.ownerEpoch = ownerEpoch
        self.expectedVersion = expectedVersion
        self.state = state
        self.events = events
        self.reply = reply
    }
}

/// An event that has no number yet.
public struct NewEvent: Sendable, Hashable {
    /// `evt.<Kind>.<id>.<Event>`.
    public var subject: Subject
    /// The event as JSON.
    public var payload: [UInt8]

    /// An event.
    public init(subject: Subject, payload: [UInt8]) {
        self.subject = subject
        self.payload = payload
    }
}

/// What became of one turn of a batch.
public enum TurnOutcome: Sendable, Hashable {
    /// It is durable.
    case committed(CommitReceipt)
    /// The object has moved on or is owned under another epoch; nothing of the turn was written.
    case fenced
}

/// The numbers a committed turn got.
public struct CommitReceipt: Sendable, Hashable {
    /// The epoch of the kind's stream; empty when the turn had no events.
    public var streamEpoch: String
    /// The number of the turn's first event; the others follow without gap. 0 when it had none.
    public var firstSequence: UInt64
    /// The number of the same object's last event before these; 0 when there was none.
    public var previousSequence: UInt64
    /// When it was committed.
    public var time: Timestamp

    /// A receipt.
    public init(streamEpoch: String = "", firstSequence: UInt64 = 0, previousSequence: UInt64 = 0, time: Timestamp) {
        self.streamEpoch = streamEpoch
        self.firstSequence = firstSequence
        self.previousSequence = previousSequence
        self.time = time
    }
}
