import Logging
import RivuletBackbone
import Synchronization

// How an activation runs its turns: load, run on a copy, hold the output until the commit, release it.
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

    func handle(_ delivery: Delivery, _ core: inout Core?) async {
        let started = services.time.now
        let caller = makeCaller(of: delivery)
        if let deadline = delivery.deadline, started >= deadline {
            return refuse(caller, CallError(.deadline, "the deadline passed while \(delivery.message) waited for \(id)"))
        }
        guard let handler = kind[delivery.message] else {
            return refuse(caller, kind.unknown(delivery.message))
        }
        do throws(CallError) {
            try await load(&core)
        } catch {
            return refuse(caller, error)
        }
        guard var current = core else { return }
        if let messageID = caller.messageID, let known = current.replies[messageID], !handler.isQuery {
            await hold(nil, caller, generation: current.generation, payload: known.payload, TurnEffects())
            return
        }
        let isCurrent = await run(&current, caller, isQuery: handler.isQuery) { object, turn in
            guard let span = caller.span else { return try await handler.run(object, delivery.payload, turn) }
            return try await span.run { try await handler.run(object, delivery.payload, turn) }
        }
        core = isCurrent ? current : nil
        kind.statistics.handled(in: services.time.now - started)
    }

    /// Begins the turn's span, as part of what the caller does.
    private func makeCaller(of delivery: Delivery) -> Caller {
        var caller = Caller(
            reply: delivery.reply, headers: delivery.headers, deadline: delivery.deadline, callChain: delivery.callChain,
            messageID: delivery.messageID)
        let tracing = services.tracing
        caller.span = tracing.begin(.turn(id, delivery.message), in: tracing.context(of: delivery.headers))
        if let span = caller.span { span.inject(into: &caller.trace) } else { caller.trace = delivery.headers.trace }
        return caller
    }

    func runDeactivating(_ core: inout Core?) async {
        guard var current = core else { return }
        let isCurrent = await run(&current, Caller(), isQuery: false) { object, turn in
            var object = object
            try await object.deactivating(in: turn)
            return (object, [])
        }
        core = isCurrent ? current : nil
    }

    // MARK: Loading

    private func load(_ core: inout Core?) async throws(CallError) {
        if let current = core, isCurrent(current.generation) { return }
        core = nil
        await stopBackground()
        let generation = state.withLock { $0.generation }
        var fresh = try await stored(generation: generation)
        var failure: CallError?
        let isCurrent = await run(&fresh, Caller(), isQuery: false, onFailure: { failure = $0 }) { object, turn in
            var object = object
            try await object.activated(in: turn)
            return (object, [])
        }
        if let failure { throw failure }
        guard isCurrent else { throw CallError(.unavailable, "\(id) could not be activated; ask again") }
        services.logger.debug("activated", metadata: ["object": "\(id)"])
        core = fresh
    }

    private func stored(generation: UInt64) async throws(CallError) -> Core {
        var object = kind.make()
        var row = StoredObject()
        do {
            if kind.isPersistent { row = try await services.store.load(id) }
            if let state = row.state { object = try StateCoding.restore(object, from: state, of: id) }
            let encoded = kind.isPersistent ? try row.state ?? StateCoding.encode(object) : []
            return Core(
                object: object, version: row.version, ownerEpoch: row.ownerEpoch, encoded: encoded, replies: ReplyRecords(row.replies),
                generation: generation)
        } catch let error as StoreError {
            throw CallError(.unavailable, "\(id) cannot be loaded: \(error.message)")
        } catch {
            services.logger.error("object cannot be activated", metadata: ["object": "\(id)", "error": "\(error)"])
            throw CallError(.failed, error is UnreadableState ? "\(error)" : "\(id) cannot be activated")
        }
    }

    // MARK: Running

    /// Runs one turn on a copy of the object. False when the generation was lost meanwhile: then the object must be loaded again.
    private func run(
        _ core: inout Core, _ caller: Caller, isQuery: Bool, onFailure: (CallError) -> Void = { _ in },
        _ body: (any ServiceObject, Turn) async throws -> (object: any ServiceObject, reply: [UInt8])
    ) async -> Bool {
        let turn = makeTurn(caller, isQuery: isQuery, generation: core.generation)
        do {
            let (attempt, payload) = try await body(core.object, turn)
            var effects = try turn.finish()
            let encoded = isQuery || !kind.isPersistent ? core.encoded : try StateCoding.encode(attempt)
            guard isCurrent(core.generation) else {
                let lost = CallError(.unavailable, "an earlier turn of \(id) could not be committed; ask again")
                refuse(caller, lost)
                onFailure(lost)
                return false
            }
            if isQuery {
                await hold(nil, caller, generation: core.generation, payload: payload, effects)
            } else {
                let commit = commit(&core, encoded: encoded, caller: caller, payload: payload, effects: &effects)
                core.object = attempt
                await hold(commit, caller, generation: core.generation, payload: payload, effects)
            }
        } catch {
            let failure = explain(error)
            if caller.reply == nil { log(failure, error) }
            hold(nil, caller, generation: core.generation, failure: failure)
            onFailure(failure)
        }
        return await settle(core.generation, to: kind.configuration.mailboxCapacity)
    }

    private func makeTurn(_ caller: Caller, isQuery: Bool, generation: UInt64) -> Turn {
        let time = services.time
        let context = TurnContext(
            isReadOnly: isQuery, isPersistent: kind.isPersistent, callChain: caller.callChain, trace: caller.trace,
            dependencies: services.dependencies,
            caller: services.caller,
            timeLeft: { caller.deadline.map { $0 - time.now } },
            settle: { [id] in
                guard await self.settle(generation, to: 0) else {
                    throw CallError(.unavailable, "an earlier turn of \(id) could not be committed")
                }
            })
        return Turn(object: id, now: time.wallTime, headers: caller.headers, context: context)
    }

    /// What the store has to write for the turn; nil when nothing.
    private func commit(
        _ core: inout Core, encoded: [UInt8], caller: Caller, payload: [UInt8], effects: inout TurnEffects
    ) -> TurnCommit? {
        let isChanged = encoded != core.encoded
        core.encoded = encoded
        var record: StoredReply?
        if let messageID = caller.messageID {
            let now = services.time.wallTime
            let window = Int64(clamping: services.configuration.idempotencyWindow.wholeMilliseconds) * 1_000_000
            let reply = StoredReply(
                messageID: messageID, payload: payload,
                expires: Timestamp(nanoseconds: now.nanoseconds.addingReportingOverflow(window).partialValue))
            core.replies.forget(before: now)
            core.replies.insert(reply)
            record = reply
        }
        guard kind.isPersistent, isChanged || !effects.events.isEmpty || record != nil else { return nil }
        defer { core.version += 1 }
        return TurnCommit(
            object: id, ownerEpoch: core.ownerEpoch, expectedVersion: core.version, state: isChanged ? encoded : nil,
            events: effects.events, reply: record)
    }

    // MARK: Holding and releasing

    private func hold(_ commit: TurnCommit?, _ caller: Caller, generation: UInt64, payload: [UInt8], _ effects: TurnEffects) async {
        let isHeld = hold(
            commit, generation: generation,
            release: { receipt in
                self.release(effects, of: caller, receipt: receipt, generation: generation)
                self.reply(payload, to: caller)
            },
            fail: { self.refuse(caller, $0) })
        guard !isHeld else { return }
        for publication in effects.publications {
            switch publication {
            case .message(let message): services.publish(message)
            case .events(let run) where run.count == 1: services.publish(run.message(0))
            case .events(let run): await services.publish(run)
            }
        }
        carryOut(effects, generation: generation)
        reply(payload, to: caller)
    }

    private func hold(_ commit: TurnCommit?, _ caller: Caller, generation: UInt64, failure: CallError) {
        let isHeld = hold(
            commit, generation: generation, release: { _ in self.refuse(caller, failure) }, fail: { self.refuse(caller, $0) })
        if !isHeld { refuse(caller, failure) }
    }

    /// False when there is nothing to wait for.
    private func hold(
        _ commit: TurnCommit?, generation: UInt64, release: @escaping @Sendable (CommitReceipt?) -> Void,
        fail: @escaping @Sendable (CallError) -> Void
    ) -> Bool {
        let mustWait = state.withLock { state -> Bool in
            guard commit != nil || state.held > 0 else { return false }
            state.held += 1
            return true
        }
        guard mustWait else { return false }
        services.turns.enter()  // until `turnLeft()`
        services.committer.submit(HeldTurn(owner: self, generation: generation, commit: commit, release: release, fail: fail))
        return true
    }

    private func reply(_ payload: [UInt8], to caller: Caller) {
        if let subject = caller.reply { services.publish(BusMessage(subject: subject, payload: payload)) }
        caller.span?.end()
    }

    private func release(_ effects: TurnEffects, of caller: Caller, receipt: CommitReceipt?, generation: UInt64) {
        if let receipt {
            for (offset, event) in effects.events.enumerated() {
                let sequence = receipt.firstSequence + UInt64(offset)
                let previous = offset == 0 ? receipt.previousSequence : sequence - 1
                let position = Position(epoch: receipt.streamEpoch, sequence: sequence)
                var headers = Headers.event(stream: id.kind, position: position, previous: previous, time: receipt.time)
                headers.carryOn(caller.trace)
                services.publish(BusMessage(subject: event.subject, headers: headers, payload: event.payload))
            }
        }
        for publication in effects.publications {
            switch publication {
            case .message(let message): services.publish(message)
            case .events(let run): for number in 0..<run.count { services.publish(run.message(number)) }
            }
        }
        carryOut(effects, generation: generation)
    }

    private func carryOut(_ effects: TurnEffects, generation: UInt64) {
        for request in effects.sends {
            do { try services.caller.send(request) } catch {
                services.logger.warning("message not sent", metadata: ["from": "\(id)", "to": "\(request.object)", "error": "\(error)"])
            }
        }
        for schedule in effects.schedules { change(schedule, generation: generation) }
        for work in effects.background { start(work) }
        if effects.deactivates { deactivate(afterOthers: false) }
    }

    // MARK: Errors

    func refuse(_ caller: Caller, _ error: CallError) {
        kind.statistics.failed(error)
        caller.span?.set("rivulet.code", error.code.rawValue)
        caller.span?.end(with: error)
        guard let reply = caller.reply else { return }
        services.publish(BusMessage(subject: reply, headers: error.headers, payload: error.body))
    }

    /// What the caller is told; details of unexpected errors go to the log only.
    private func explain(_ error: any Error) -> CallError {
        switch error {
        case let error as any ServiceError: return CallError(refusedWith: error)
        case let error as CallError where [.undecodable, .deadline, .unavailable, .callCycle].contains(error.code): return error
        case is CancellationError: return CallError(.deadline, "the turn took longer than \(kind.configuration.turnTimeout)")
        default:
            services.logger.error("handler failed", metadata: ["object": "\(id)", "error": "\(error)"])
            return CallError(.failed, "\(id) failed to handle the message")
        }
    }

    /// Nobody waits for the answer, so the log is the only place that can tell.
    private func log(_ failure: CallError, _ error: any Error) {
        guard failure.code != .failed else { return }  // logged where it was explained
        services.logger.warning("turn failed", metadata: ["object": "\(id)", "error": "\(failure)"])
    }
}
