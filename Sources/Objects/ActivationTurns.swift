import RivuletBackbone
import Synchronization

// How an activation runs its turns: each on a copy of the object, whose output is held until its commit.
extension Activation {
    /// Whom a turn answers.
    struct Caller: Sendable {
        /// What it answers; nil for an activation's first and last turn.
        var delivery: Delivery?
        /// The turn's own; nil without a tracer.
        var span: MessageSpan?
        /// The headers by which what the turn sends is part of its trace.
        var trace = Headers()

        var reply: Subject? { delivery?.reply }
        var deadline: Duration? { delivery?.deadline }
        var callChain: [ObjectID] { delivery?.callChain ?? [] }
    }

    /// Handles a message for which nothing has to be waited.
    ///
    /// - Returns: What is left to send, if that takes long.
    func handleAtOnce(_ delivery: Delivery, _ payload: [UInt8], _ core: inout Core?) -> Output? {
        let started = services.time.now
        let caller = makeCaller(of: delivery)
        guard let handler = handler(for: delivery, caller, at: started), case .immediate(let body) = handler.body else { return nil }
        return core?.lend { core in
            if let conclusion = conclude(repeating: caller, handler, core) { return sendAtOnce(conclusion) }
            let turn = makeTurn(caller, isQuery: handler.isQuery, core)
            let conclusion: Conclusion
            do {
                conclusion = try conclude(turn, &core, try body(core.object, payload, turn))
            } catch {
                conclusion = conclude(turn, failingWith: error)
            }
            kind.statistics.handled(in: services.time.now - started)
            return sendAtOnce(conclusion)
        } ?? nil
    }

    func handle(_ delivery: Delivery, _ payload: [UInt8], _ core: inout Core?) async {
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
            case .elsewhere(let node): return forward(delivery, payload, caller, to: node)
            }
        }
        guard var current = core.take() else { return }
        defer { core = current }
        if let conclusion = conclude(repeating: caller, handler, current) {
            if case .output(let output) = conclusion { await send(output) }
            return
        }
        _ = await run(&current, caller, isQuery: handler.isQuery) { object, turn in
            guard let span = caller.span else { return try await handler.run(object, payload, turn) }
            return try await span.run { try await handler.run(object, payload, turn) }
        }
        kind.statistics.handled(in: services.time.now - started)
    }

    /// The message's handler; nil when there is none or it is too late, and then the caller was told.
    private func handler(for delivery: Delivery, _ caller: Caller, at now: Duration) -> Kind.Runner? {
        if let deadline = delivery.deadline, now >= deadline {
            refuse(caller, CallError(.deadline, "the deadline passed while \(delivery.message) waited for \(id)"))
            return nil
        }
        guard let handler = delivery.handler else {
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
    private func forward(_ delivery: Delivery, _ payload: [UInt8], _ caller: Caller, to node: String?) {
        guard let node, !delivery.headers.isHandedOn else {
            return refuse(caller, CallError(.unavailable, "\(id) is not here; ask again"), [HeaderName.moved: "1"])
        }
        do throws(SubjectError) {
            services.ownership.forward(try delivery.message(to: id, payload, at: services.time.now), for: id, to: node)
            caller.span?.end()
        } catch {
            refuse(caller, CallError(.undecodable, error.description))
        }
    }

    /// Begins the turn's span, as part of what the caller does.
    private func makeCaller(of delivery: Delivery) -> Caller {
        guard services.tracing.isOn else { return Caller(delivery: delivery, trace: delivery.headers.trace) }
        var caller = Caller(delivery: delivery)
        caller.span = services.tracing.begin(.turn(id, delivery.message), in: services.tracing.context(of: delivery.headers))
        caller.span?.inject(into: &caller.trace)
        return caller
    }

    /// Answers an idempotent request that was handled before, once the turn that did has committed.
    private func conclude(repeating caller: Caller, _ handler: Kind.Runner, _ core: borrowing Core) -> Conclusion? {
        guard !handler.isQuery, let messageID = caller.delivery?.messageID, let known = core.replies[messageID] else { return nil }
        return hold(Output(caller: caller, payload: known.payload, effects: TurnEffects(), generation: core.generation))
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
        let conclusion: Conclusion
        do {
            conclusion = try conclude(turn, &core, try await body(core.object, turn))
        } catch {
            conclusion = conclude(turn, failingWith: error)
        }
        switch conclusion {
        case .output(let output): await send(output)
        case .held: break
        case .failed(let error): return error
        }
        return nil
    }

    private func makeTurn(_ caller: Caller, isQuery: Bool, _ core: borrowing Core) -> Turn {
        Turn(
            of: self, now: services.time.wallTime, answering: caller, isReadOnly: isQuery, generation: core.generation,
            eventSubject: core.eventSubject)
    }

    /// Takes the turn's result over, unless the generation was lost meanwhile: then the object must be loaded again.
    private func conclude(_ turn: Turn, _ core: inout Core, _ result: consuming Kind.Result) throws -> Conclusion {
        let effects = try turn.finish()
        core.eventSubject = effects.eventSubject
        let output = Output(caller: turn.caller, payload: result.reply, effects: effects, generation: core.generation)
        guard !turn.isReadOnly else { return hold(output) }
        let encoded = kind.storesState ? try StateCoding.encode(result.object) : core.encoded
        core.object = result.object
        guard let write = commit(&core, encoded: encoded, output) else { return hold(output) }
        return hold(write, output)
    }

    private func conclude(_ turn: Turn, failingWith error: any Error) -> Conclusion {
        turn.drop()
        let failure = explain(error)
        if turn.caller.reply == nil { log(failure, error) }
        return hold(failure, turn.caller, generation: turn.generation)
    }

    /// What the store has to write for the turn; nil when nothing.
    private func commit(_ core: inout Core, encoded: [UInt8], _ output: borrowing Output) -> TurnCommit? {
        let isChanged = encoded != core.encoded
        core.encoded = encoded
        let record = record(of: output, &core)
        guard kind.isPersistent, isChanged || !output.effects.events.isEmpty || record != nil else { return nil }
        defer { core.version += 1 }
        return TurnCommit(
            object: id, ownerEpoch: core.ownerEpoch, expectedVersion: core.version, state: isChanged ? encoded : nil,
            events: output.effects.events, reply: record)
    }

    /// What is remembered of an idempotent request; nil for other ones.
    private func record(of output: borrowing Output, _ core: inout Core) -> StoredReply? {
        guard let messageID = output.caller.delivery?.messageID else { return nil }
        let now = services.time.steadyTime
        let window = Int64(clamping: services.configuration.idempotencyWindow.wholeMilliseconds) * 1_000_000
        let reply = StoredReply(
            messageID: messageID, payload: output.payload,
            expires: Timestamp(nanoseconds: now.nanoseconds.addingReportingOverflow(window).partialValue))
        core.replies.forget(before: now)
        core.replies.insert(reply)
        return reply
    }
}
