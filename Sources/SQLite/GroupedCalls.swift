import GRDB
import RivuletBackbone
import Synchronization

/// Does what is asked for while a transaction is under way in one transaction after it: the first of those who wait does it for the others.
final class GroupedCalls<Item: Sendable, Answer: Sendable>: Sendable {
    private typealias Outcome = Result<Answer, StoreError>

    private enum Turn: Sendable {
        /// It is this one's to do its own and what others wait for.
        case lead
        case answered(Outcome)
    }

    private struct Waiting: Sendable {
        let item: Item
        let start: ContinuousClock.Instant
        let turn: CheckedContinuation<Turn, Never>
    }

    private struct State {
        var waiting: [Waiting] = []
        var isLed = false
    }

    /// So that nobody has to wait long for the file.
    private static var groupLimit: Int { 256 }
    /// More than these would wait longer than is useful.
    private static var limit: Int { 16_384 }

    private let state = Mutex(State())
    private let task: String
    private let body: @Sendable (Item, Database) throws -> Answer

    /// - Parameters:
    ///   - task: What could not be done when it fails: `claim objects in`.
    ///   - body: Does it for one, in the transaction of all. A ``StoreError`` is for that one alone.
    init(_ task: String, _ body: @escaping @Sendable (Item, Database) throws -> Answer) {
        (self.task, self.body) = (task, body)
    }

    func call(_ item: Item, in store: SQLiteBackbone) async throws(StoreError) -> Answer {
        let start = ContinuousClock.now
        let turn = await withCheckedContinuation { continuation in
            let turn = state.withLock { state -> Turn? in
                guard state.isLed else {
                    state.isLed = true
                    return .lead
                }
                guard state.waiting.count < Self.limit else {
                    return .answered(.failure(StoreError(.unavailable, "cannot \(task) \(store.file.path): too many calls wait for it")))
                }
                state.waiting.append(Waiting(item: item, start: start, turn: continuation))
                return nil
            }
            if let turn { continuation.resume(returning: turn) }
        }
        switch turn {
        case .lead: return try await lead(item, since: start, in: store).get()
        case .answered(let outcome): return try outcome.get()
        }
    }

    /// - Parameter start: When the one who leads has come, who came before the others: the time that it has waited counts for
    ///   all, or a file that is not to be had would be waited for by one group after the other.
    private func lead(_ item: Item, since start: ContinuousClock.Instant, in store: SQLiteBackbone) async -> Outcome {
        let others = state.withLock { state in
            let others = Array(state.waiting.prefix(Self.groupLimit - 1))
            state.waiting.removeFirst(others.count)
            return others
        }
        let outcomes = await run([item] + others.map(\.item), since: start, in: store)
        let next = state.withLock { state -> Waiting? in
            state.isLed = !state.waiting.isEmpty
            return state.isLed ? state.waiting.removeFirst() : nil
        }
        next?.turn.resume(returning: .lead)
        for (other, outcome) in zip(others, outcomes.dropFirst()) { other.turn.resume(returning: .answered(outcome)) }
        return outcomes[0]
    }

    private func run(_ items: [Item], since start: ContinuousClock.Instant, in store: SQLiteBackbone) async -> [Outcome] {
        do throws(StoreError) {
            return try await store.writeForCluster(task, since: start) { [body] db in
                try items.map { item in
                    do {
                        return .success(try body(item, db))
                    } catch let error as StoreError {
                        return .failure(error)
                    }
                }
            }
        } catch {
            return items.map { _ in .failure(error) }
        }
    }
}
