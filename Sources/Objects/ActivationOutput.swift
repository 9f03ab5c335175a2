import Logging
import RivuletBackbone
import Synchronization

// What becomes of what turns put out: held until it and everything before it is durable, then sent.
extension Activation {
    /// What a turn puts out, now that it may.
    struct Output: Sendable {
        let caller: Caller
        let payload: [UInt8]
        let effects: TurnEffects
        let generation: UInt64
    }

    /// What a turn came to.
    enum Conclusion {
        /// Its output may leave.
        case output(Output)
        /// Its output is held.
        case held
        /// The caller is told, perhaps once earlier turns have committed.
        case failed(CallError)
    }

    // MARK: Holding and releasing

    /// Holds a turn's output until its commit and those before it are durable.
    func hold(_ commit: consuming TurnCommit, _ output: consuming Output) -> Conclusion {
        guard place(of: output.generation, hasCommit: true) == .behindOthers else { return refuseLost(output.caller) }
        submit(HeldTurn(owner: self, commit: commit, output: output))
        return .held
    }

    /// Holds the output of a turn that has nothing to commit until those before it are durable; returns it if there are none.
    func hold(_ output: consuming Output) -> Conclusion {
        switch place(of: output.generation, hasCommit: false) {
        case .first: return .output(output)
        case .behindOthers:
            submit(HeldTurn(owner: self, commit: nil, output: output))
            return .held
        case .lost: return refuseLost(output.caller)
        }
    }

    /// Tells the caller of a failure, once the turns before are durable.
    func hold(_ failure: CallError, _ caller: Caller, generation: UInt64) -> Conclusion {
        switch place(of: generation, hasCommit: false) {
        case .first: refuse(caller, failure)
        case .behindOthers:
            let nothing = Output(caller: caller, payload: [], effects: TurnEffects(), generation: generation)
            submit(HeldTurn(owner: self, commit: nil, output: nothing, refusal: failure))
        case .lost: return refuseLost(caller)
        }
        return .failed(failure)
    }

    private enum Place {
        case first, behindOthers, lost
    }

    /// Whether a turn's output has to wait; counts it then.
    private func place(of generation: UInt64, hasCommit: Bool) -> Place {
        state.withLock { state in
            guard state.generation == generation else { return .lost }
            guard hasCommit || state.held > 0 else { return .first }
            state.held += 1
            return .behindOthers
        }
    }

    /// For a turn that ran on a state which was never committed: also its failure says nothing then.
    private func refuseLost(_ caller: Caller) -> Conclusion {
        let lost = CallError(.unavailable, "an earlier turn of \(id) could not be committed; ask again")
        refuse(caller, lost)
        return .failed(lost)
    }

    private func submit(_ turn: HeldTurn) {
        services.turns.enter()  // until the turn is released
        services.committer.submit(turn)
    }

    /// Sends what a held turn puts out, but for its durable events and the reply, which it adds to `replies`.
    func release(_ output: Output, to replies: inout [BusMessage]) {
        if let others = output.effects.others { publishEach(others) }
        complete(output)
        // Made in its place: a message that is handed on is copied.
        if let reply = output.caller.reply { replies.append(BusMessage(subject: reply, payload: output.payload)) }
    }

    /// Sends what a turn puts out; bursts at a pace that subscribers can keep.
    func send(_ output: Output) async {
        for publication in output.effects.others?.publications ?? [] {
            switch publication {
            case .message(let message): services.publish(message)
            case .events(let run): await services.publish(run)
            }
        }
        finish(output)
    }

    /// Sends what may leave without waiting, unless there is a burst: then it is returned.
    func sendAtOnce(_ conclusion: Conclusion) -> Output? {
        guard case .output(let output) = conclusion else { return nil }
        if let others = output.effects.others {
            guard !others.hasBurst else { return output }
            publishEach(others)
        }
        finish(output)
        return nil
    }

    private func publishEach(_ effects: OtherEffects) {
        for publication in effects.publications {
            switch publication {
            case .message(let message): services.publish(message)
            case .events(let run): for number in 0..<run.count { services.publish(run.message(number)) }
            }
        }
    }

    private func finish(_ output: Output) {
        complete(output)
        if let reply = output.caller.reply { services.publish(BusMessage(subject: reply, payload: output.payload)) }
    }

    /// Does the rest of what a turn wants done, but for the reply.
    private func complete(_ output: Output) {
        if let others = output.effects.others { carryOut(others, generation: output.generation) }
        output.caller.span?.end()
    }

    private func carryOut(_ effects: OtherEffects, generation: UInt64) {
        for request in effects.sends {
            do { try services.caller.send(request) } catch {
                services.logger.warning("message not sent", metadata: ["from": "\(id)", "to": "\(request.object)", "error": "\(error)"])
            }
        }
        for schedule in effects.schedules { change(schedule, generation: generation) }
        for work in effects.background { start(work, generation: generation) }
        if effects.deactivates { deactivate(afterOthers: false) }
    }

    // MARK: Errors

    func refuse(_ caller: Caller, _ error: CallError, _ more: Headers = [:]) {
        if let refusal = refusal(error, of: caller, more) { services.publish(refusal) }
    }

    /// What the caller is told, if somebody waits for it.
    func refusal(_ error: CallError, of caller: Caller, _ more: Headers = [:]) -> BusMessage? {
        kind.statistics.failed(error)
        caller.span?.set("rivulet.code", error.code.rawValue)
        caller.span?.end(with: error)
        guard let reply = caller.reply else { return nil }
        var headers = error.headers
        for (name, value) in more { headers.add(name, value) }
        return BusMessage(subject: reply, headers: headers, payload: error.body)
    }

    /// What the caller is told; details of unexpected errors go to the log only.
    func explain(_ error: any Error) -> CallError {
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
    func log(_ failure: CallError, _ error: any Error) {
        guard failure.code != .failed else { return }  // logged where it was explained
        services.logger.warning("turn failed", metadata: ["object": "\(id)", "error": "\(failure)"])
    }
}
