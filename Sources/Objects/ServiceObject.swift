/// A service object: a value with an identity, state and message handlers.
///
/// One activation of an object is live at a time and handles one message after the other, each in a ``Turn``. A turn's new state, its
/// events and the record of an idempotent request commit together before anything leaves; a handler that throws changes nothing.
/// Properties other than ``state`` live as long as the activation and are rolled back with it, but are not stored.
public protocol ServiceObject: Sendable {
    /// What is stored, as JSON. Top-level fields that were added with a default are filled in when older state is loaded.
    associatedtype State: Codable & Sendable

    /// The object type's name in subjects; the type's name unless declared otherwise.
    static var kind: String { get }

    /// How objects of the kind are kept and limited.
    static var configuration: ObjectConfiguration { get }

    /// The messages the object answers.
    @HandlersBuilder<Self> static var handlers: Handlers<Self> { get }

    /// An object that nothing is stored of yet.
    init()

    /// The object's state; replaced by the stored one after ``init()``.
    var state: State { get set }

    /// Runs after the state was loaded and before the first message, as a turn of its own: it may change state, publish and schedule.
    mutating func activated(in turn: Turn) async throws

    /// Runs before the activation ends, as its last turn. It does not run when a node is lost.
    mutating func deactivating(in turn: Turn) async throws
}

extension ServiceObject {
    /// The type's name.
    public static var kind: String { String(describing: Self.self) }

    /// ``ObjectConfiguration`` with its defaults.
    public static var configuration: ObjectConfiguration { ObjectConfiguration() }

    /// Does nothing.
    public mutating func activated(in turn: Turn) async throws {}

    /// Does nothing.
    public mutating func deactivating(in turn: Turn) async throws {}
}

/// How objects of a kind are kept and limited.
public struct ObjectConfiguration: Sendable, Hashable {
    /// When state, durable events and idempotency records are stored.
    public enum Persistence: Sendable, Hashable {
        /// With every turn, before its output leaves.
        case everyTurn
        /// Never: the store is not touched, state ends with the activation, and all events are ephemeral.
        case none
    }

    /// Where turns run.
    public enum Execution: Sendable, Hashable {
        /// On the thread that received the call, which also reads from and writes to other connections. Replies leave soonest, and the
        /// node has the least work; a turn that computes for long holds those connections up.
        case receivingThread
        /// On Swift's shared pool of threads: for turns that compute for more than about a millisecond.
        case sharedPool
    }

    /// When state is stored; with every turn unless said otherwise.
    public var persistence = Persistence.everyTurn
    /// How long an activation without messages and schedules stays; 5 minutes.
    public var idleTimeout = Duration.seconds(300)
    /// How many messages may wait for one object; more are refused with 429. 1,024.
    public var mailboxCapacity = 1024
    /// How long a turn may take before its task is cancelled and the caller gets 408; 30 s.
    public var turnTimeout = Duration.seconds(30)

    /// Where turns run; on the thread that received the call unless said otherwise. Wherever that is, a turn never blocks its thread.
    public var execution = Execution.receivingThread
    /// Which of a cluster's nodes gets an object that none has; the one that is called, unless said otherwise.
    public var placement = Placement.preferLocal
    /// Of a cluster's nodes, only those with this label (`ClusterConfiguration.labels`) host the kind; nil for all whose program has it.
    public var label: String?

    /// The defaults, changed where given.
    public init(
        persistence: Persistence = .everyTurn, execution: Execution = .receivingThread, idleTimeout: Duration = .seconds(300),
        mailboxCapacity: Int = 1024, turnTimeout: Duration = .seconds(30), placement: Placement = .preferLocal, label: String? = nil
    ) {
        self.persistence = persistence
        self.execution = execution
        self.idleTimeout = idleTimeout
        self.mailboxCapacity = mailboxCapacity
        self.turnTimeout = turnTimeout
        self.placement = placement
        self.label = label
    }
}
