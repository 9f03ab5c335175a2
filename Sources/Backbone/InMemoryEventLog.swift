import RivuletSubscriptions
import Synchronization

extension InMemoryBackbone {
    struct StreamLog {
        let epoch = StreamEpoch.make()
        private var events: [StoredEvent] = []

        var last: UInt64 { UInt64(events.count) }
        var state: StreamState { StreamState(epoch: epoch, first: 1, last: last) }

        /// Adds an event and returns its number.
        mutating func append(_ event: NewEvent, previous: UInt64, at time: Timestamp) -> UInt64 {
            let sequence = last + 1
            events.append(
                StoredEvent(sequence: sequence, previous: previous, subject: event.subject, time: time, payload: event.payload))
            return sequence
        }

        func page(_ request: EventRead) -> EventPage {
            var page = EventPage(state: state, events: [])
            let wanted = events.dropFirst(Int(clamping: max(1, request.from) - 1))
            var rest = request.matching == nil ? wanted : wanted.prefix(max(1, request.lookLimit))
            let isToTheEnd = rest.endIndex == events.endIndex
            var bytes = 0
            while page.events.count < request.limit, page.events.isEmpty || bytes < request.byteLimit {
                guard let event = rest.popFirst() else {
                    guard !isToTheEnd else { return page }
                    page.looked = UInt64(rest.endIndex)
                    page.pending = 1
                    return page
                }
                guard request.matching?.matches(event.subject) ?? true else { continue }
                page.events.append(event)
                bytes += event.payload.count
            }
            let pending = request.matching.map { pattern in rest.count { pattern.matches($0.subject) } } ?? rest.count
            page.pending = UInt64(isToTheEnd ? pending : max(1, pending))
            if page.pending > 0 { page.looked = page.events.last?.sequence ?? UInt64(wanted.startIndex) }
            return page
        }
    }
}

extension InMemoryBackbone: EventLog {
    /// Makes the stream if there is none, and says how it stands.
    @discardableResult
    public func open(_ stream: String) async throws(StoreError) -> StreamState {
        state.withLock { state in
            let log = state.streams[stream] ?? StreamLog()
            state.streams[stream] = log
            return log.state
        }
    }

    /// How the stream stands; nil when there is none.
    public func state(of stream: String) async throws(StoreError) -> StreamState? {
        state.withLock { $0.streams[stream]?.state }
    }

    /// Committed events from a number on, in order.
    public func read(_ request: EventRead) async throws(StoreError) -> EventPage {
        // Under the lock, for a log that is held elsewhere would be copied by the next commit.
        guard let page = state.withLock({ $0.streams[request.stream]?.page(request) }) else {
            throw StoreError(.noStream, "cannot read the stream \(request.stream): there is none of that name")
        }
        return page
    }

    /// The number of the newest event of every stream.
    public func heads() async throws(StoreError) -> [String: UInt64] {
        state.withLock { $0.streams.mapValues(\.last) }
    }

    /// Rings with every commit.
    public func doorbell() async throws(StoreError) -> BoundedChannel<Void> {
        let number = bells.withLock { bells in
            bells.last += 1
            return bells.last
        }
        let rings = BoundedChannel<Void>(capacity: 1, whenFull: .dropNewest) { [weak self] in
            _ = self?.bells.withLock { $0.byNumber.removeValue(forKey: number) }
        }
        bells.withLock { $0.byNumber[number] = Bell(rings: rings) }
        return rings
    }

    func ring() {
        for bell in bells.withLock({ Array($0.byNumber.values) }) { bell.rings?.send(()) }
    }
}
