import RivuletBackbone
import RivuletSubscriptions

/// What the database made of a plan.
enum CommitResult: Sendable {
    /// It is durable.
    case committed(CommitNumbers)
    /// Nothing was written: these objects, by place, are not what they were taken to be, but this.
    case stale([(place: Int, basis: CommitPlan.Basis)])
}

/// The numbers that a committed plan got.
struct CommitNumbers: Sendable {
    /// For each stream, by place, what it ended with before.
    let heads: [Int64]
    /// For each stream, by place, the epoch.
    let epochs: [String]
    /// For each object, by place, the number of its last event before.
    let lasts: [Int64]

    /// What became of each turn of the plan's batch.
    func outcomes(of plan: CommitPlan, at time: Timestamp) -> [TurnOutcome] {
        plan.turns.map { turn in
            guard let turn, lasts.indices.contains(turn.object - 1) else { return .fenced }
            let stream = plan.objects[turn.object - 1].stream - 1
            let head = heads.indices.contains(stream) ? UInt64(clamping: heads[stream]) : 0
            let last = UInt64(clamping: lasts[turn.object - 1])
            var receipt = CommitReceipt(previousSequence: turn.previousRank > 0 ? head + turn.previousRank : last, time: time)
            if turn.firstRank > 0, epochs.indices.contains(stream) {
                receipt.streamEpoch = epochs[stream]
                receipt.firstSequence = head + turn.firstRank
            }
            return .committed(receipt)
        }
    }
}
