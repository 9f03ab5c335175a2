import RivuletBackbone
import Synchronization

/// The handling of one message: who is asked, what is known, and what is to happen once the turn has committed.
///
/// Everything a turn publishes, sends, schedules or starts is held until its commit and dropped when the turn throws. What cannot be
/// encoded or addressed fails the turn.
public final class Turn: Sendable {
    /// When the turn began, on the node's wall clock.
    public let now: Timestamp

    /// Whom it answers, and what it is told of the message.
    let caller: Activation.Caller
    let isReadOnly: Bool
    /// Of the activation.
    let generation: UInt64
    private let activation: Activation
    private let effects: Mutex<TurnEffects>

    init(
        of activation: Activation, now: Timestamp, answering caller: Activation.Caller, isReadOnly: Bool, generation: UInt64,
        eventSubject: EventSubject?
    ) {
        self.activation = activation
        self.now = now
        self.caller = caller
        self.isReadOnly = isReadOnly
        self.generation = generation
        effects = Mutex(TurnEffects(eventSubject: eventSubject))
    }

    /// The object whose turn it is.
    public var object: ObjectID { activation.id }

    /// The object's id.
    public var id: String { object.id }

    /// The headers of the message; empty for the object's own schedules.
    public var headers: Headers { caller.delivery?.headers ?? Headers() }

    /// A value the node was given for its objects.
    ///
    /// - Throws: ``Dependencies/Missing``.
    public func dependency<Value: Sendable>(_ type: Value.Type) throws(Dependencies.Missing) -> Value {
        try activation.services.dependencies.get(type)
    }

    /// Publishes an event of this object: durable ones in its stream, with the commit; then to whoever follows.
    public func publish<E: Event>(_ event: E) {
        change { effects throws in
            if E.durability == .durable, activation.kind.isPersistent {
                try effects.keep(event, of: object)
            } else {
                try effects.publish(event, of: object, trace: caller.trace)
            }
        }
    }

    /// Publishes a plain message after the commit; it is delivered to whoever listens and not kept.
    public func publish(_ payload: [UInt8], to subject: String, headers: Headers = Headers()) {
        change { effects throws in
            var headers = headers
            headers.carryOn(caller.trace)
            let message = BusMessage(subject: try Subject(subject), headers: headers, payload: payload)
            effects.add { $0.publish(message) }
        }
    }

    /// Another object, to ask or to send messages to.
    ///
    /// An ask leaves at once, after this object's earlier turns have committed; a sent message leaves when this turn has.
    public func object(_ kind: String, _ id: String) -> ObjectReference {
        ObjectReference(ObjectID(kind: kind, id: id), caller: TurnCaller(turn: self))
    }

    /// Another object by its type.
    public func object<Object: ServiceObject>(_ type: Object.Type, _ id: String) -> ObjectReference {
        object(Object.kind, id)
    }

    /// Sends this object a message later, while its activation lives; schedules do not survive it.
    ///
    /// - Parameter name: A later schedule of the same name replaces this one; nil for one that stands alone.
    public func schedule<M: Message>(_ message: M, after delay: Duration, named name: String? = nil) {
        change { effects throws in
            let schedule = Schedule(name: name, message: M.name, payload: try JSONPayload.encode(message), delay: delay)
            effects.add { $0.schedules.append(.set(schedule)) }
        }
    }

    /// Takes a named schedule back.
    public func cancelSchedule(named name: String) {
        change { effects throws in effects.add { $0.schedules.append(.cancel(name)) } }
    }

    /// Starts work beside the object's turns; it is cancelled, and awaited, when the activation ends.
    ///
    /// - Parameter work: Gets a reference to this object, to send it what was found out. What it throws is logged.
    public func background(_ work: @escaping @Sendable (ObjectReference) async throws -> Void) {
        change { effects throws in effects.add { $0.background.append(work) } }
    }

    /// Ends the activation after this turn; the next message activates the object anew.
    public func deactivate() {
        change { effects throws in effects.add { $0.deactivates = true } }
    }

    /// Takes what the turn collected.
    ///
    /// - Throws: The first thing that could not be encoded or addressed.
    func finish() throws -> TurnEffects {
        let collected = take()
        if let failure = collected.failure { throw failure }
        return collected
    }

    /// Forgets what the turn collected, in which there may be closures that hold the turn.
    func drop() { _ = take() }

    private func take() -> TurnEffects {
        var collected = TurnEffects()
        effects.withLock { swap(&$0, &collected) }
        return collected
    }

    fileprivate func ask(_ request: ObjectRequest) async throws -> BusMessage {
        guard await activation.settle(generation, to: 0) else {
            throw CallError(.unavailable, "an earlier turn of \(object) could not be committed")
        }
        var request = request
        request.headers[HeaderName.callChain] = (caller.callChain + [object]).map(\.description).joined(separator: ",")
        request.headers.carryOn(caller.trace)
        if let deadline = caller.deadline {
            let left = deadline - activation.services.time.now
            guard left > .zero else { throw CallError(.deadline, "the deadline passed before \(request.object) could be asked") }
            request.timeout = min(left, request.timeout ?? left)
        }
        return try await activation.services.caller.ask(request)
    }

    fileprivate func send(_ request: ObjectRequest) {
        var request = request
        request.headers.carryOn(caller.trace)
        change { [request] effects throws in effects.add { $0.sends.append(request) } }
    }

    private func change(_ body: (inout TurnEffects) throws -> Void) {
        effects.withLock { effects in
            guard effects.failure == nil else { return }
            if isReadOnly {
                effects.failure = ReadOnlyTurn()
                return
            }
            do { try body(&effects) } catch { effects.failure = error }
        }
    }
}

/// A query tried to publish, send or schedule.
struct ReadOnlyTurn: Error, CustomStringConvertible {
    var description: String { "a Query may not publish, send, schedule or deactivate; declare it with Handle" }
}

/// Carries a turn's calls to other objects.
private struct TurnCaller: ObjectCaller {
    let turn: Turn

    func ask(_ request: ObjectRequest) async throws -> BusMessage { try await turn.ask(request) }
    func send(_ request: ObjectRequest) throws { turn.send(request) }
}
