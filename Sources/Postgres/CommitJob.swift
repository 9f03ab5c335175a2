import RivuletBackbone
import RivuletSubscriptions
import Synchronization

/// When a batch was given to be committed.
struct CommitMoment: Sendable {
    /// Its events' time.
    let wall: Timestamp
    /// Idempotency records that expire until then may go.
    let steady: Timestamp
}

/// One batch on its way into the database, through as many attempts as it takes.
final class CommitJob: Sendable {
    private struct State {
        var known: [ObjectID: CommitPlan.Basis] = [:]
        /// What was sent and not answered when the connection was lost.
        var doubt: (batch: Int64, plan: CommitPlan)?
    }

    private let state = Mutex(State())
    private let batch: [TurnCommit]
    private let moment: CommitMoment
    private let deadline: Deadline
    private let store: String
    private let finish: @Sendable (Result<[TurnOutcome], StoreError>) -> Void

    init(
        _ batch: [TurnCommit], at moment: CommitMoment, deadline: Deadline, store: String,
        finish: @escaping @Sendable (Result<[TurnOutcome], StoreError>) -> Void
    ) {
        self.batch = batch
        self.moment = moment
        self.deadline = deadline
        self.store = store
        self.finish = finish
    }

    /// The form in which a pool takes it.
    var job: Job<WriterSession> {
        Job(deadline: deadline, attempt: attempt, giveUp: giveUp)
    }

    private func attempt(on writer: WriterSession) -> Job<WriterSession>.Progress {
        if let numbers = resolve(on: writer) {
            finish(.success(numbers))
            return .done
        }
        while true {
            let plan = CommitPlan(batch, on: state.withLock { $0.known })
            guard !plan.objects.isEmpty else {
                finish(.success(batch.map { _ in .fenced }))
                return .done
            }
            state.withLock { $0.doubt = (writer.lastBatch + 1, plan) }
            do throws(ServerError) {
                switch try writer.commit(plan, batch: batch, at: moment, until: deadline) {
                case .committed(let numbers):
                    finish(.success(numbers.outcomes(of: plan, at: moment.wall)))
                    return .done
                case .stale(let objects): learn(objects, plan)
                }
            } catch {
                if error.isLost { return .lost(explain(error)) }
                // The server has answered: it has committed nothing.
                state.withLock { $0.doubt = nil }
                if error.state == CommitFunction.replacedWriter { return .lost(explain(error)) }
                if error.isConflict, !deadline.hasPassed { continue }
                finish(.failure(explain(error)))
                return .done
            }
        }
    }

    /// What became of the batch whose connection was lost: a new connection knows the last batch that committed.
    private func resolve(on writer: WriterSession) -> [TurnOutcome]? {
        state.withLock { state in
            defer { state.doubt = nil }
            guard let doubt = state.doubt, doubt.batch == writer.lastBatch else { return nil }
            return writer.lastNumbers.outcomes(of: doubt.plan, at: moment.wall)
        }
    }

    private func learn(_ objects: [(place: Int, basis: CommitPlan.Basis)], _ plan: CommitPlan) {
        state.withLock { state in
            state.doubt = nil
            for (place, basis) in objects where plan.objects.indices.contains(place - 1) {
                state.known[plan.objects[place - 1].object] = basis
            }
        }
    }

    private func giveUp(_ reason: StoreError?) {
        let isInDoubt = state.withLock { $0.doubt != nil }
        guard isInDoubt else {
            return finish(.failure(reason ?? StoreError(.unavailable, "cannot commit to \(store): all connections are busy")))
        }
        let why = reason.map { ": \($0.message)" } ?? ""
        finish(.failure(StoreError(.unknownOutcome, "cannot tell whether \(store) holds the last commit\(why)", cause: reason)))
    }

    private func explain(_ error: ServerError) -> StoreError {
        error.explained("commit to", store)
    }
}
