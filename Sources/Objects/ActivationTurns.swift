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

    /// What a turn puts out, now that it may.
    struct Output: Sendable {
        let caller: Caller
        let payload: [UInt8]
        let effects: TurnEffects
        let generation: UInt64
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

    // MARK: Loading

    private enum LoadFailure: Error {
        case refused(CallError)
        /// Nil when the node that handed the message on has to look again.
        case elsewhere(node: String?)
    }

    /// Loads the object if need be, and waits until not too many of its turns are held.
    ///
    /// - Parameter isHandedOn: Whether the message that wants it was handed on by another node.
    private func load(_ core: inout Core?, isHandedOn: Bool) async throws(LoadFailure) {
        if let current = core, await settle(current.generation, to: kind.configuration.mailboxCapacity) { return }
        core = nil
        await stopBackground()
        let generation = state.withLock { $0.generation }
        var fresh = try await stored(generation: generation, isHandedOn: isHandedOn)
        let failure = await run(&fresh, Caller(), isQuery: false) { object, turn in
            var object = object
            try await object.activated(in: turn)
            return (object, [])
        }
        if let failure { throw .refused(failure) }
        guard isCurrent(generation) else { throw .refused(CallError(.unavailable, "\(id) could not be activated; ask again")) }
        services.logger.debug("activated", metadata: ["object": "\(id)"])
        core = fresh
    }

    private func stored(generation: UInt64, isHandedOn: Bool) async throws(LoadFailure) -> Core {
        let epoch = try await claim(isHandedOn: isHandedOn)
        var object = kind.make()
        var row = StoredObject()
        do {
            if kind.isPersistent { row = try await services.store.load(id) }
            if let state = row.state { object = try StateCoding.restore(object, from: state, of: id) }
            let encoded = kind.isPersistent ? try row.state ?? StateCoding.encode(object) : []
            return Core(
                object: object, version: row.version, ownerEpoch: epoch ?? row.ownerEpoch, encoded: encoded,
                replies: ReplyRecords(row.replies), generation: generation)
        } catch let error as StoreError {
            throw .refused(CallError(.unavailable, "\(id) cannot be loaded: \(error.message)"))
        } catch {
            services.logger.error("object cannot be activated", metadata: ["object": "\(id)", "error": "\(error)"])
            throw .refused(CallError(.failed, error is UnreadableState ? "\(error)" : "\(id) cannot be activated"))
        }
    }

    /// Takes the object for this node. The epoch under which it is then owned.
    private func claim(isHandedOn: Bool) async throws(LoadFailure) -> UInt64? {
        let claim: ObjectClaim?
        do throws(CallError) {
            claim = try await services.ownership.claim(id, isHandedOn: isHandedOn)
        } catch {
            throw .refused(error)
        }
        switch claim {
        case .here(let epoch): return epoch
        case .elsewhere(let node): throw .elsewhere(node: node)
        case nil: throw .elsewhere(node: nil)
        }
    }

    // MARK: Running

    /// What a turn came to.
    private enum Conclusion {
        /// Its output may leave.
        case output(Output)
        /// Its output is held.
        case held
        /// The caller is told, perhaps once earlier turns have committed.
        case failed(CallError)
    }

    /// Runs one turn on a copy of the object. What went wrong, if anything did.
    private func run(
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
        _ turn: Turn, _ core: inout Core, _ caller: Caller, isQuery: Bool, _ result: Result<Kind.Result, any Error>
    ) -> Conclusion {
        do {
            let (attempt, payload) = try result.get()
            var effects = try turn.finish()
            core.eventSubject = effects.eventSubject
            let encoded = isQuery || !kind.isPersistent ? core.encoded : try StateCoding.encode(attempt)
            guard isCurrent(core.generation) else {
                let lost = CallError(.unavailable, "an earlier turn of \(id) could not be committed; ask again")
                refuse(caller, lost)
                return .failed(lost)
            }
            var write: TurnCommit?
            if !isQuery {
                write = commit(&core, encoded: encoded, caller: caller, payload: payload, effects: &effects)
                core.object = attempt
            }
            return hold(write, Output(caller: caller, payload: payload, effects: effects, generation: core.generation))
        } catch {
            let failure = explain(error)
            if caller.reply == nil { log(failure, error) }
            hold(failure, caller, generation: core.generation)
            return .failed(failure)
        }
    }

    /// What the store has to write for the turn; nil when nothing.
    private func commit(
        _ core: inout Core, encoded: [UInt8], caller: Caller, payload: [UInt8], effects: inout TurnEffects
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
        guard kind.isPersistent, isChanged || !effects.events.isEmpty || record != nil else { return nil }
        defer { core.version += 1 }
        return TurnCommit(
            object: id, ownerEpoch: core.ownerEpoch, expectedVersion: core.version, state: isChanged ? encoded : nil,
            events: effects.events, reply: record)
    }

    // MARK: Holding and releasing

    /// Holds a turn's output until its commit and those before it are durable; returns it if there is none to wait for.
    private func hold(_ commit: consuming TurnCommit?, _ output: consuming Output) -> Conclusion {
        guard mustWait(commit != nil) else { return .output(output) }
        submit(commit, output)
        return .held
    }

    private func hold(_ failure: CallError, _ caller: Caller, generation: UInt64) {
        guard mustWait(false) else { return refuse(caller, failure) }
        submit(nil, Output(caller: caller, payload: [], effects: TurnEffects(), generation: generation), refusal: failure)
    }

    private func mustWait(_ hasCommit: Bool) -> Bool {
        state.withLock { state in
            guard hasCommit || state.held > 0 else { return false }
            state.held += 1
            return true
        }
    }

    private func submit(_ commit: consuming TurnCommit?, _ output: consuming Output, refusal: CallError? = nil) {
        services.turns.enter()  // until the turn is released
        services.committer.submit(HeldTurn(owner: self, commit: commit, output: output, refusal: refusal))
    }

    /// Sends what a held turn puts out, but for its durable events and the reply.
    func release(_ output: Output) -> BusMessage? {
        publishEach(output.effects)
        return complete(output)
    }

    /// Sends what a turn puts out; bursts at a pace that subscribers can keep.
    func send(_ output: Output) async {
        for publication in output.effects.publications {
            switch publication {
            case .message(let message): services.publish(message)
            case .events(let run): await services.publish(run)
            }
        }
        finish(output)
    }

    /// Sends what may leave without waiting, unless there is a burst: then it is returned.
    private func sendAtOnce(_ conclusion: Conclusion) -> Output? {
        guard case .output(let output) = conclusion else { return nil }
        guard !output.effects.hasBurst else { return output }
        sendEach(output)
        return nil
    }

    private func sendEach(_ output: Output) {
        publishEach(output.effects)
        finish(output)
    }

    private func publishEach(_ effects: TurnEffects) {
        for publication in effects.publications {
            switch publication {
            case .message(let message): services.publish(message)
            case .events(let run): for number in 0..<run.count { services.publish(run.message(number)) }
            }
        }
    }

    private func finish(_ output: Output) {
        if let reply = complete(output) { services.publish(reply) }
    }

    /// Does the rest of what a turn wants done. The reply, if somebody waits for it.
    private func complete(_ output: Output) -> BusMessage? {
        carryOut(output.effects, generation: output.generation)
        output.caller.span?.end()
        return output.caller.reply.map { BusMessage(subject: $0, payload: output.payload) }
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

    func refuse(_ caller: Caller, _ error: CallError, _ more: Headers = [:]) {
        kind.statistics.failed(error)
        caller.span?.set("rivulet.code", error.code.rawValue)
        caller.span?.end(with: error)
        guard let reply = caller.reply else { return }
        var headers = error.headers
        for (name, value) in more { headers.add(name, value) }
        services.publish(BusMessage(subject: reply, headers: headers, payload: error.body))
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
