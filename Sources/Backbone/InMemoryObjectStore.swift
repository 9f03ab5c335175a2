public import RivuletSubscriptions
import Synchronization

extension InMemoryBackbone {
    struct ObjectRow {
        var state: [UInt8]?
        var version: UInt64 = 0
        var ownerEpoch: UInt64 = 0
        var lastEvent: UInt64 = 0
        var owner: NodeLease?
        var records = ReplyRecords()
    }

    /// An object's idempotency records. Expired ones go when the number of records has doubled, so that keeping one costs little.
    struct ReplyRecords {
        private var byID: [String: StoredReply] = [:]
        private var limit = 64

        mutating func keep(_ reply: StoredReply, at now: Timestamp) {
            byID[reply.messageID] = reply
            guard byID.count > limit else { return }
            byID = byID.filter { $0.value.expires > now }
            limit = max(64, 2 * byID.count)
        }

        func valid(at now: Timestamp) -> [StoredReply] {
            byID.values.filter { $0.expires > now }.sorted { ($0.expires, $0.messageID) < ($1.expires, $1.messageID) }
        }
    }
}

extension InMemoryBackbone: ObjectStore {
    /// What is stored of an object.
    public func load(_ object: ObjectID) async throws(StoreError) -> StoredObject {
        let now = time.steadyTime
        guard let row = state.withLock({ $0.objects[object] }) else { return StoredObject() }
        return StoredObject(state: row.state, version: row.version, ownerEpoch: row.ownerEpoch, replies: row.records.valid(at: now))
    }

    /// Commits a batch in one step.
    public func commit(_ batch: [TurnCommit]) async throws(StoreError) -> [TurnOutcome] {
        let (now, steady) = (time.wallTime, time.steadyTime)
        let result = state.withLock { state -> Result<[TurnOutcome], StoreError> in
            for turn in batch where !turn.events.isEmpty && state.streams[turn.object.kind] == nil {
                return .failure(StoreError(.noStream, "cannot commit events of \(turn.object): there is no stream \(turn.object.kind)"))
            }
            var fences: [ObjectID: TurnFence] = [:]
            return .success(batch.map { state.commit($0, behind: &fences[$0.object, default: TurnFence()], at: now, steady: steady) })
        }
        let outcomes = try result.get()
        if batch.contains(where: { !$0.events.isEmpty }) { ring() }
        return outcomes
    }
}

extension InMemoryBackbone.State {
    fileprivate mutating func commit(
        _ turn: TurnCommit, behind fence: inout TurnFence, at now: Timestamp, steady: Timestamp
    ) -> TurnOutcome {
        let (version, epoch, lastEvent) = objects[turn.object].map { ($0.version, $0.ownerEpoch, $0.lastEvent) } ?? (0, 0, 0)
        guard fence.admits(turn, on: version, epoch) else { return .fenced }

        var receipt = CommitReceipt(previousSequence: lastEvent, time: now)
        if !turn.events.isEmpty, let stream = streams[turn.object.kind]?.state {
            receipt.streamEpoch = stream.epoch
            receipt.firstSequence = stream.last + 1
        }
        var previous = lastEvent
        for event in turn.events {
            previous = streams[turn.object.kind]?.append(event, previous: previous, at: now) ?? previous
        }
        objects[turn.object, default: InMemoryBackbone.ObjectRow()].take(turn, lastEvent: previous, steady: steady)
        return .committed(receipt)
    }
}

extension InMemoryBackbone.ObjectRow {
    fileprivate mutating func take(_ turn: TurnCommit, lastEvent: UInt64, steady: Timestamp) {
        version += 1
        self.lastEvent = lastEvent
        if let state = turn.state { self.state = state }
        if let reply = turn.reply { records.keep(reply, at: steady) }
    }
}
