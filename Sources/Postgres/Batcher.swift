import RivuletBackbone
import Synchronization

/// Sends calls of one kind to the database in batches, each of which is one statement.
final class Batcher<Item: Comparable & Sendable, Answer: Sendable>: Sendable {
    private typealias Queue = BatchQueue<Call>

    private struct Call: Sendable {
        let item: Item
        let answer: @Sendable (Result<Answer, StoreError>) -> Void
    }

    private struct State {
        var queue = Queue()
        var isOpen = true
        var ended: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())
    private let pool: ConnectionPool<ServerConnection>
    private let task: String
    private let store: String
    private let timeout: Duration
    private let run: @Sendable ([Item], ServerConnection, Deadline) throws(ServerError) -> [Answer]

    /// - Parameters:
    ///   - task: What could not be done when it fails: `claim objects in`.
    ///   - run: Does it for items in their order, and answers in the same. It may be called twice for an item.
    init(
        _ task: String, on pool: ConnectionPool<ServerConnection>, of configuration: PostgresConfiguration,
        run: @escaping @Sendable ([Item], ServerConnection, Deadline) throws(ServerError) -> [Answer]
    ) {
        self.task = task
        self.pool = pool
        store = "\(configuration.url)"
        timeout = configuration.timeout
        self.run = run
    }

    /// Puts the item into the next batch, and waits for its answer.
    func call(_ item: Item) async throws(StoreError) -> Answer {
        try await withCheckedContinuation { (continuation: CheckedContinuation<Result<Answer, StoreError>, Never>) in
            let refusal = state.withLock { state -> StoreError? in
                guard state.isOpen else { return StoreError(.closed, "the store was closed") }
                let call = Call(item: item) { continuation.resume(returning: $0) }
                guard state.queue.add(call, until: Deadline(in: timeout)) else {
                    return StoreError(.unavailable, "cannot \(task) \(store): too many calls wait for it")
                }
                return nil
            }
            if let refusal { return continuation.resume(returning: .failure(explain(refusal))) }
            sendNext()
        }.get()
    }

    /// Takes no more calls, and waits for those that it has taken.
    func close() async {
        await withCheckedContinuation { continuation in
            let isOver = state.withLock { state in
                state.isOpen = false
                if !state.queue.isIdle { state.ended.append(continuation) }
                return state.queue.isIdle
            }
            if isOver { continuation.resume() }
        }
    }

    private func sendNext() {
        guard let batch = state.withLock({ $0.queue.begin() }), let deadline = batch.first?.deadline else { return }
        send(batch, until: deadline) { [self] in
            let ended = state.withLock { state in
                state.queue.end()
                guard state.queue.isIdle else { return [CheckedContinuation<Void, Never>]() }
                defer { state.ended = [] }
                return state.ended
            }
            for continuation in ended { continuation.resume() }
            sendNext()
        }
    }

    private func send(_ batch: [Queue.Waiting], until deadline: Deadline, then: @escaping @Sendable () -> Void) {
        let batch = batch.sorted { $0.call.item < $1.call.item }
        pool.add(
            Job(deadline: deadline) { [self] connection in
                do throws(ServerError) {
                    let answers = try run(batch.map(\.call.item), connection, deadline)
                    for (waiting, answer) in zip(batch, answers) { waiting.call.answer(.success(answer)) }
                } catch {
                    let explained = error.explained(task, store)
                    if error.isLost { return .lost(explained) }
                    if batch.count == 1 {
                        for waiting in batch { waiting.call.answer(.failure(explained)) }
                    } else {
                        // It may be for one of them only: each is on its own now.
                        for waiting in batch { send([waiting], until: waiting.deadline) {} }
                    }
                }
                then()
                return .done
            } giveUp: { [self] reason in
                for waiting in batch { waiting.call.answer(.failure(explain(reason))) }
                then()
            })
    }

    private func explain(_ reason: StoreError?) -> StoreError { StoreError.refusal(of: task, store, reason) }
}
