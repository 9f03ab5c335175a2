import RivuletObjects
import RivuletTesting
import Synchronization

// The object most tests use: it counts, refuses, fails, and calls others.

struct Add: Message {
    typealias Reply = Int
    static var errors: [any ServiceError.Type] { [TooMuch.self] }
    var amount: Int
}

struct Total: Message { typealias Reply = Int }
struct Fail: Message {}
struct Wait: Message { typealias Reply = Int }
struct Ask: Message {
    typealias Reply = Int
    var other: String
    var amount: Int
}
struct Later: Message {
    var amount: Int
    var after: Int
    var name: String?
    var fails = false
}
struct Forget: Message { var name: String }
struct Tell: Message { var amount: Int }
/// Publishes an event that is kept, and nothing else.
struct Note: Message { var amount: Int }
struct PublishInQuery: Message {}
struct Leave: Message {}
struct Observe: Message { var amount: Int }
/// Waits at the gate, then adds if that makes no more than a hundred.
struct AddAtGate: Message {
    typealias Reply = Int
    static var errors: [any ServiceError.Type] { [TooMuch.self] }
    var amount: Int
}
struct WaitInBackground: Message {}
/// Starts work that goes on until it is cancelled.
struct Linger: Message {}

struct Added: Event, Equatable { var amount: Int; var total: Int }
struct Blinked: Event {
    static var durability: EventDurability { .ephemeral }
    var amount: Int
}
struct Activated: Event {}

struct TooMuch: ServiceError, Equatable {
    var limit: Int
    var message: String { "more than \(limit) is too much" }
}

struct Unforeseen: Error { var secret = "the password is swordfish" }

struct Counter: ServiceObject {
    struct State: Codable, Sendable { var total = 0 }
    var state = State()
    /// Not stored: shows when a new activation began.
    var turnsOfActivation = 0

    mutating func add(_ message: Add, in turn: Turn) throws -> Int {
        state.total += message.amount
        turnsOfActivation += 1
        turn.publish(Added(amount: message.amount, total: state.total))
        turn.publish(Blinked(amount: message.amount))
        turn.publish(Array("\(message.amount)".utf8), to: "plain.\(SubjectToken.encode(turn.id))")
        guard message.amount <= 100 else { throw TooMuch(limit: 100) }
        return state.total
    }

    static var handlers: Handlers<Self> {
        Handle(Add.self) { try $0.add($1, in: $2) }
        Query(Total.self) { object, _, _ in object.state.total }
        Handle(Fail.self) { object, _, turn in
            object.state.total = -1
            turn.publish(Added(amount: -1, total: -1))
            throw Unforeseen()
        }
        Handle(Wait.self) { object, _, turn in
            let gate = try turn.dependency(Gate.self)
            await gate.pass()
            object.state.total += 1
            return object.state.total
        }
        Handle(AddAtGate.self) { object, message, turn in
            let gate = try turn.dependency(Gate.self)
            await gate.pass()
            guard object.state.total + message.amount <= 100 else { throw TooMuch(limit: 100) }
            object.state.total += message.amount
            return object.state.total
        }
        Handle(WaitInBackground.self) { _, _, turn in
            let gate = try turn.dependency(Gate.self)
            turn.background { _ in await gate.pass() }
            return Empty()
        }
        Handle(Ask.self) { object, message, turn in
            object.state.total += 1
            return try await turn.object("Counter", message.other).ask(Add(amount: message.amount))
        }
        Handle(Later.self) { object, message, turn in
            turn.schedule(Add(amount: message.amount), after: .seconds(message.after), named: message.name)
            if message.fails { throw Unforeseen() }
            return Empty()
        }
        Handle(Forget.self) { object, message, turn in
            turn.cancelSchedule(named: message.name)
            return Empty()
        }
        Handle(Tell.self) { object, message, turn in
            try turn.object("Counter", "told").send(Add(amount: message.amount))
            return Empty()
        }
        Handle(Note.self) { object, message, turn in
            object.state.total += message.amount
            turn.publish(Added(amount: message.amount, total: object.state.total))
            return Empty()
        }
        Query(PublishInQuery.self) { _, _, turn in
            turn.publish(Added(amount: 0, total: 0))
            return Empty()
        }
        Handle(Leave.self) { _, _, turn in
            turn.deactivate()
            return Empty()
        }
        Handle(Observe.self) { _, message, turn in
            turn.background { me in try me.send(Add(amount: message.amount)) }
            return Empty()
        }
        Handle(Linger.self) { _, _, turn in
            let lingering = try turn.dependency(Lingering.self)
            turn.background { _ in await lingering.linger() }
            return Empty()
        }
    }
}

/// How much background work runs until it is cancelled.
final class Lingering: Sendable {
    private let running = Mutex(0)

    var count: Int { running.withLock { $0 } }

    func linger() async {
        running.withLock { $0 += 1 }
        let (never, continuation) = AsyncStream.makeStream(of: Void.self)
        for await _ in never {}
        continuation.finish()
        running.withLock { $0 -= 1 }
    }
}

/// Lets a handler wait until the test opens it.
actor Gate {
    private var isOpen = false
    private var waiting: [CheckedContinuation<Void, Never>] = []
    private var arrivals: [CheckedContinuation<Void, Never>] = []
    private var passed = 0

    func pass() async {
        passed += 1
        for arrival in arrivals { arrival.resume() }
        arrivals = []
        if isOpen { return }
        await withCheckedContinuation { waiting.append($0) }
    }

    func open() {
        isOpen = true
        for waiter in waiting { waiter.resume() }
        waiting = []
    }

    /// Waits until somebody waits at the gate.
    func arrived() async {
        if passed > 0 { return }
        await withCheckedContinuation { arrivals.append($0) }
    }
}
