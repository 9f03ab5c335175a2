import RivuletContract
import RivuletSubscriptions
import Synchronization

/// Brings messages to objects over the main connection, or straight to the node that owns the object once an answer has told where it is.
final class OwnerCarrier: CallCarrier {
    struct State {
        var table: OwnerTable
        var addresses: OwnerAddresses
        var links: [Int: OwnerLink] = [:]
        /// Requests that wait for their object's path to change.
        var waiting: [ObjectID: [UInt64: CheckedContinuation<Void, Never>]] = [:]
        var lastWaiter: UInt64 = 0
        var isClosed = false
    }

    /// What became of a message that was to be published.
    enum Step {
        case failed
        /// It was not sent, since its object is to be reached another way now.
        case turned
        /// The number is that of the connection, among those of its client.
        case sent(OwnerTable.Ticket, connection: Int)
    }

    let core: ClientCore
    let limits: OwnerLimits
    let state: Mutex<State>
    /// The addresses to connect to.
    let wanted: BoundedChannel<WantedOwner>
    private let requester: Requester
    private let gate = OwnerGate()

    init(core: ClientCore, requester: Requester) {
        self.core = core
        self.requester = requester
        limits = core.configuration.ownerLimits
        wanted = BoundedChannel(capacity: limits.connections, whenFull: .dropNewest)
        state = Mutex(State(table: OwnerTable(limit: limits.objects), addresses: OwnerAddresses(connections: limits.connections)))
    }

    func publish(_ message: BusMessage, to object: ObjectID) throws(BusError) {
        while true {
            if case .sent = try publish(message, to: object, over: nil) { return }
        }
    }

    func request(_ message: BusMessage, to object: ObjectID, deadline: Duration) async throws -> BusMessage {
        while true {
            guard let (path, requester) = way(to: object) else {
                try await change(of: object, deadline: deadline)
                continue
            }
            var step = Step.failed
            do {
                let reply = try await requester.request(message, deadline: deadline) { message throws(BusError) in
                    step = try publish(message, to: object, over: path)
                    guard case .sent(_, let connection) = step else {
                        throw BusError(.disconnected, "\(object) is to be reached another way")
                    }
                    return connection
                }
                if case .sent(let ticket, _) = step { ended(ticket, to: object, reply) }
                return reply
            } catch {
                switch step {
                case .sent(let ticket, _):
                    let isRefused = (error as? BusError)?.code == .noResponders
                    end(ticket, to: object) { _ in isRefused ? .refused : .unknown }
                    throw error
                case .turned: continue
                case .failed:
                    guard lose(path, error) else { throw error }
                }
            }
        }
    }

    // MARK: - Sending

    /// The path of a request; nil if it has to wait.
    private func way(to object: ObjectID) -> (OwnerTable.Path, Requester)? {
        if gate.isOpen { return (.main, requester) }
        return state.withLock { state in
            guard case .go(let path) = state.table.route(to: object, isRequest: true) else { return nil }
            guard case .direct(let number) = path else { return (path, requester) }
            // Both change together, so there is one.
            return state.links[number].map { (path, $0.client.requester) }
        }
    }

    /// Publishes a message if `path` is still that of its object; nil for a message that nobody answers, which goes whichever it is.
    ///
    /// What is counted is so in the order of sending, hence the lock around both.
    private func publish(_ message: BusMessage, to object: ObjectID, over path: OwnerTable.Path?) throws(BusError) -> Step {
        if gate.enter() {
            defer { gate.leave() }
            return .sent(.uncounted, connection: try core.outbox.append(message))
        }
        let (step, released) = try state.withLock { state throws(BusError) in
            let step = try state.publish(message, to: object, over: path, core, isCounted: gate.isClear, limits, now: core.time.now)
            return (step, state.released(object))
        }
        for request in released { request.resume() }
        return step
    }

    /// Notes that the connection to an owner cannot be used.
    ///
    /// - Returns: Whether that is why a request could not be sent.
    private func lose(_ path: OwnerTable.Path, _ error: any Error) -> Bool {
        guard case .direct(let number) = path, let error = error as? BusError, error.code == .closed || error.code == .disconnected else {
            return false
        }
        lose(number, avoided: true)
        return true
    }

    // MARK: - Answers

    private func ended(_ ticket: OwnerTable.Ticket, to object: ObjectID, _ reply: BusMessage) {
        let owner = reply.headers[HeaderName.owner]
        if owner != nil { gate.close() }
        if gate.isOpen { return }
        end(ticket, to: object) { state in
            switch CallError(reply: reply)?.code {
            case .unavailable where owner == nil: .refused
            // Nodes that hand on refuse some of their own accord, ahead of what waits.
            case .some(let code) where code != .refused && owner == nil: .unknown
            default: .answered(better: owner.map { path(to: $0, &state) } ?? ticket.path)
            }
        }
    }

    private func end(
        _ ticket: OwnerTable.Ticket, to object: ObjectID, _ outcome: (inout sending State) -> OwnerTable.Outcome
    ) {
        if gate.isOpen { return }
        let released = state.withLock { state in
            if case .direct(let number) = ticket.path { state.links[number]?.underWay -= 1 }
            state.table.ended(ticket, to: object, outcome(&state))
            return state.released(object)
        }
        for request in released { request.resume() }
    }

    /// The best path to an owner now, and the beginning of a better one.
    private func path(to owner: String, _ state: inout State) -> OwnerTable.Path {
        if core.server?.name == owner { return .main }
        switch state.addresses.see(owner, now: core.time.now) {
        case .connected(let number): return .direct(number)
        case .unusable: return .main
        case .fresh:
            if !state.isClosed, let address = core.pool.server(named: owner) {
                wanted.send(WantedOwner(name: owner, address: address))
            } else {
                state.addresses.ended(owner, avoidedUntil: core.time.now + limits.retryAfter)
            }
            return .main
        }
    }

    // MARK: - Changes

    /// Waits until a request to the object need not wait, or has waited long enough.
    private func change(of object: ObjectID, deadline: Duration) async throws {
        let number = state.withLock { state in
            state.lastWaiter += 1
            return state.lastWaiter
        }
        var alarm: ScheduledAction?
        defer { alarm?.cancel() }
        await withTaskCancellationHandler {
            await withCheckedContinuation { request in
                let waits = state.withLock { state in
                    guard !Task.isCancelled, state.table.route(to: object, isRequest: true) == .wait else { return false }
                    state.waiting[object, default: [:]][number] = request
                    return true
                }
                if !waits { return request.resume() }
                alarm = core.time.schedule(at: deadline) { [weak self] in self?.release(number, object) }
            }
        } onCancel: {
            release(number, object)
        }
        try Task.checkCancellation()
        if core.time.now >= deadline { throw BusError(.timeout, "\(object) was busy for too long") }
    }

    private func release(_ number: UInt64, _ object: ObjectID) {
        let request = state.withLock { state in
            defer { if state.waiting[object]?.isEmpty == true { state.waiting[object] = nil } }
            return state.waiting[object]?.removeValue(forKey: number)
        }
        request?.resume()
    }
}

extension OwnerCarrier.State {
    fileprivate mutating func publish(
        _ message: BusMessage, to object: ObjectID, over path: OwnerTable.Path?, _ core: ClientCore, isCounted: Bool, _ limits: OwnerLimits,
        now: Duration
    ) throws(BusError) -> OwnerCarrier.Step {
        let isRequest = path != nil
        guard case .go(let way) = table.route(to: object, isRequest: isRequest), way == path ?? way else { return .turned }
        let connection: Int
        switch way {
        case .main: connection = try core.outbox.append(message)
        case .direct(let number):
            do throws(BusError) {
                connection = try links[number]?.client.core.outbox.append(message, whileConnected: true) ?? 0
            } catch {
                guard error.code == .closed || error.code == .disconnected else { throw error }
                lose(number, avoidedUntil: now + limits.retryAfter)
                return .turned
            }
            links[number]?.messages += 1
            if isRequest { links[number]?.underWay += 1 }
        }
        return .sent(table.sent(to: object, isRequest: isRequest, isCounted: isCounted), connection: connection)
    }

    /// Forgets a connection.
    mutating func lose(_ number: Int, avoidedUntil end: Duration?) {
        guard let link = links.removeValue(forKey: number) else { return }
        addresses.ended(link.name, avoidedUntil: end)
        table.lost(number)
    }

    /// The requests to an object that need not wait any more.
    fileprivate mutating func released(_ object: ObjectID) -> [CheckedContinuation<Void, Never>] {
        guard !waiting.isEmpty, table.route(to: object, isRequest: true) != .wait else { return [] }
        return (waiting.removeValue(forKey: object)?.values).map(Array.init) ?? []
    }
}
