import RivuletBackbone
import Synchronization

// How an activation runs its turns: each on a copy of the object, whose output is held until its commit.
extension Activation {
    /// What a turn answers, and to whom.
    struct Caller: Sendable {
        var reply: Subject?
        var headers = Headers()
        var deadline: Duration?
        var callChain: [ObjectID] = []
        var messageID: String?
        /// The turn's own; nil without a tracer.
        var span: MessageSpan?
        /// The headers by which what the turn sends is part of its trace.
        var trace = Headers()
    }

    /// Handles a message for which nothing has to be waited.
    ///
    /// - Returns: What is left to send, if that takes long.
    func handleAtOnce(_ delivery: Delivery, _ core: inout Core?) -> Output? {
        let started = services.time.now
        let caller = makeCaller(of: delivery)
        guard let handler = handler(for: delivery, caller, at: started), case .immediate(let body) = handler.body,
            var current = core.take()
        else { return nil }
        defer { core = current }
        if let conclusion = conclude(repeating: caller, handler, current) { return sendAtOnce(conclusion) }
        let turn = makeTurn(caller, isQuery: handler.isQuery, current)
        let result = Result { try body(current.object, delivery.payload, turn) }
        let conclusion = conclude(turn, &current, caller, isQuery: handler.isQuery, result)
        kind.statistics.handled(in: services.time.now - started)
        return sendAtOnce(conclusion)
    }

    func handle(_ delivery: Delivery, _ core: inout Core?) async {
        let started = services.time.now
        let caller = makeCaller(of: delivery)
        guard let handler = handler(for: delivery, caller, at: started) else { return }
        do throws(LoadFailure) {
            try await load(&core, isHandedOn: delivery.headers.isHandedOn)
        } catch {
            switch error {
            case .refused(let error):
                refuse(caller, error)
                if error.code == .unavailable { refuseWaiting(error) }
                return
            case .elsewhere(let node): return forward(delivery, caller, to: node)
            }
        }
        guard var current = core.take() else { return }
        defer { core = current }
        if let conclusion = conclude(repeating: caller, handler, current) {
            if case .output(let output) = conclusion { await send(output) }
            return
        }
        _ = await run(&current, caller, isQuery: handler.isQuery) { object, turn in
            guard let span = caller.span else { return try await handler.run(object, delivery.payload, turn) }
            return try await span.run { try await handler.run(object, delivery.payload, turn) }
        }
        kind.statistics.handled(in: services.time.now - started)
    }

    /// The message's handler; nil when there is none or it is too late, and then the caller was told.
    private func handler(for delivery: Delivery, _ caller: Caller, at now: Duration) -> Kind.Runner? {
        if let deadline = delivery.deadline, now >= deadline {
            refuse(caller, CallError(.deadline, "the deadline passed while \(delivery.message) waited for \(id)"))
            return nil
        }
        guard let handler = kind[delivery.message] else {
            refuse(caller, kind.unknown(delivery.message))
            return nil
        }
        guard services.ownership.isServing else {
            let more: Headers = delivery.headers.isHandedOn ? [HeaderName.moved: "1"] : [:]
            refuse(caller, CallError(.unavailable, "this node has lost its place in the cluster; ask again"), more)
            return nil
        }
        return handler
    }

    /// Has the object's owner handle a message. One that another node has handed on goes no further: that node looks again.
    private func forward(_ delivery: Delivery, _ caller: Caller, to node: String?) {
        guard let node, !delivery.headers.isHandedOn else {
            return refuse(caller, CallError(.unavailable, "\(id) is not here; ask again"), [HeaderName.moved: "1"])
        }
        do throws(SubjectError) {
            services.ownership.forward(try delivery.message(to: id, at: services.time.now), for: id, to: node)
            caller.span?.end()
        } catch {
            refuse(caller, CallError(.undecodable, error.description))
        }
    }

    /// Begins the turn's span, as part of what the caller does.
    private func makeCaller(of delivery: Delivery) -> Caller {
        var caller = Caller(
            reply: delivery.reply, headers: delivery.headers, deadline: delivery.deadline, callChain: delivery.callChain,
            messageID: delivery.messageID)
        let tracing = services.tracing
        guard tracing.isOn else {
            caller.trace = delivery.headers.trace
            return caller
        }
        caller.span = tracing.begin(.turn(id, delivery.message), in: tracing.context(of: delivery.headers))
        caller.span?.inject(into: &caller.trace)
        return caller
    }

    /// Answers an idempotent request that was handled before, once the turn that did has committed.
    private func conclude(repeating caller: Caller, _ handler: Kind.Runner, _ core: Core) -> Conclusion? {
        guard !handler.isQuery, let messageID = caller.messageID, let known = core.replies[messageID] else { return nil }
        return hold(nil, Output(caller: caller, payload: known.payload, effects: TurnEffects(), generation: core.generation))
    }

    func runDeactivating(_ core: inout Core?) async {
        guard var current = core.take() else { return }
        defer { core = current }
        _ = await run(&current, Caller(), isQuery: false) { object, turn in
            var object = object
            try await object.deactivating(in: turn)
            return (object, [])
        }
    }

    /// Whoever waits for the object too is told at once: each would wait as long as the first one to learn the same.
    private func refuseWaiting(_ error: CallError) {
        for delivery in state.withLock({ $0.mailbox.takeDeliveries() }) { refuse(makeCaller(of: delivery), error) }
    }

    // MARK: Running

    /// Runs one turn on a copy of the object. What went wrong, if anything did.
    func run(
        _ core: inout Core, _ caller: Caller, isQuery: Bool, _ body: (any ServiceObject, Turn) async throws -> Kind.Result
    ) async -> CallError? {
        let turn = makeTurn(caller, isQuery: isQuery, core)
        let result: Result<Kind.Result, any Error>
        do { result = .success(try await body(core.object, turn)) } catch { result = .failure(error) }
        switch conclude(turn, &core, caller, isQuery: isQuery, result) {
        case .output(let output): await send(output)
        case .held: break
        case .failed(let error): return error
        }
        return nil
    }

    private func makeTurn(_ caller: Caller, isQuery: Bool, _ core: borrowing Core) -> Turn {
        let context = TurnContext(
            activation: self, generation: core.generation, isReadOnly: isQuery, callChain: caller.callChain, trace: caller.trace,
            deadline: caller.deadline)
        return Turn(
            object: id, now: services.time.wallTime, headers: caller.headers, context: context, eventSubject: core.eventSubject)
    }

    /// Takes the turn's result over, unless the generation was lost meanwhile: then the object must be loaded again.
    private func conclude(
        _ turn: Turn, _ core: inout Core, _ caller: consuming Caller, isQuery: Bool, _ result: consuming Result<Kind.Result, any Error>
    ) -> Conclusion {
        do {
            let (attempt, payload) = try result.get()
            let effects = try turn.finish()
            core.eventSubject = effects.eventSubject
            let encoded = isQuery || !kind.storesState ? core.encoded : try StateCoding.encode(attempt)
            var write: TurnCommit?
            if !isQuery {
                write = commit(&core, encoded: encoded, caller: caller, payload: payload, events: effects.events)
                core.object = attempt
            }
            return hold(write, Output(caller: caller, payload: payload, effects: effects, generation: core.generation))
        } catch {
            let failure = explain(error)
            if caller.reply == nil { log(failure, error) }
            return hold(failure, caller, generation: core.generation)
        }
    }

    /// What the store has to write for the turn; nil when nothing.
    private func commit(
        _ core: inout Core, encoded: [UInt8], caller: borrowing Caller, payload: [UInt8], events: [NewEvent]
    ) -> TurnCommit? {
        let isChanged = encoded != core.encoded
        core.encoded = encoded
        var record: StoredReply?
        if let messageID = caller.messageID {
            let now = services.time.steadyTime
            let window = Int64(clamping: services.configuration.idempotencyWindow.wholeMilliseconds) * 1_000_000
            let reply = StoredReply(
                messageID: messageID, payload: payload,
                expires: Timestamp(nanoseconds: now.nanoseconds.addingReportingOverflow(window).partialValue))
            core.replies.forget(before: now)
            core.replies.insert(reply)
            record = reply
        }
        guard kind.isPersistent, isChanged || !events.isEmpty || record != nil else { return nil }
        defer { core.version += 1 }
        return TurnCommit(
            object: id, ownerEpoch: core.ownerEpoch, expectedVersion: core.version, state: isChanged ? encoded : nil,
            events: events, reply: record)
    }
}
