import Dispatch
import GRDB
public import Logging
public import RivuletBackbone
public import RivuletSubscriptions
import Synchronization

/// States, streams and idempotency records of one node in one SQLite file.
///
/// A commit is on the disk when it returns: the file runs in WAL mode with `synchronous=FULL`. One node at a time has the file.
/// Calls may come from any task and are not torn by cancellation; SQLite's blocking work runs on queues of its own.
public final class SQLiteBackbone: Sendable {
    private struct State {
        var pool: DatabasePool?
        var lock: FileLock?
        var isOpen = true
        var running = 0
        var idle: CheckedContinuation<Void, Never>?
    }

    private let state: Mutex<State>
    let file: StoreFile
    let time: any TimeSource

    private init(_ opened: SQLiteOpening.Opened, time: any TimeSource) {
        state = Mutex(State(pool: opened.pool, lock: opened.lock))
        file = opened.file
        self.time = time
    }

    /// Opens the file, or makes it, and brings its tables up to date.
    ///
    /// - Parameter time: Stamps the commits and says which idempotency records have expired.
    /// - Throws: ``StoreError``: `unavailable` or `readOnly` when the file cannot be opened or lies on a network file system, `inUse`
    ///   when another node has it, `incompatible` when another program or a newer Rivulet wrote it.
    public static func open(
        _ configuration: SQLiteConfiguration, time: any TimeSource = SystemTime(), logger: Logger
    ) async throws(StoreError) -> SQLiteBackbone {
        let result = await blocking { () throws(StoreError) in try SQLiteOpening.open(configuration, logger: logger) }
        return SQLiteBackbone(try result.get(), time: time)
    }

    /// Waits for the calls under way, closes the file and lets go of it. Later calls throw `closed`; closing again does nothing.
    ///
    /// - Throws: ``StoreError`` when the file cannot be closed; nothing that was committed is at risk.
    public func close() async throws(StoreError) {
        let isFirst = state.withLock { state in
            defer { state.isOpen = false }
            return state.isOpen
        }
        guard isFirst else { return }
        await withCheckedContinuation { continuation in
            let isIdle = state.withLock { state in
                if state.running > 0 { state.idle = continuation }
                return state.running == 0
            }
            if isIdle { continuation.resume() }
        }
        let (pool, lock) = state.withLock { state in
            defer { (state.pool, state.lock) = (nil, nil) }
            return (state.pool, state.lock)
        }
        let file = file
        let result = await Self.blocking { () throws(StoreError) in
            // So that the file alone is the whole store. Where that is not possible, its log has the rest.
            _ = try? pool?.writeWithoutTransaction { try $0.checkpoint(.truncate) }
            return try file.explaining("close") { try pool?.close() }
        }
        withExtendedLifetime(lock) {}
        try result.get()
    }

    /// Runs `body` on the one connection that writes.
    func write<Value: Sendable>(
        _ task: String, _ body: @escaping @Sendable (Database) throws -> Value
    ) async throws(StoreError) -> Value {
        let pool = try enter(task)
        defer { leave() }
        let file = file
        return try await withCheckedContinuation { (continuation: CheckedContinuation<Result<Value, StoreError>, Never>) in
            pool.asyncWriteWithoutTransaction { db in
                continuation.resume(returning: Result { () throws(StoreError) in try file.explaining(task) { try body(db) } })
            }
        }.get()
    }

    /// Runs `body` on a connection that only reads, in one view of the data.
    func read<Value: Sendable>(
        _ task: String, _ body: @escaping @Sendable (Database) throws -> Value
    ) async throws(StoreError) -> Value {
        let pool = try enter(task)
        defer { leave() }
        let file = file
        return try await withCheckedContinuation { (continuation: CheckedContinuation<Result<Value, StoreError>, Never>) in
            pool.asyncRead { db in
                continuation.resume(returning: Result { () throws(StoreError) in try file.explaining(task) { try body(try db.get()) } })
            }
        }.get()
    }

    private func enter(_ task: String) throws(StoreError) -> DatabasePool {
        let pool = state.withLock { state -> DatabasePool? in
            guard state.isOpen else { return nil }
            state.running += 1
            return state.pool
        }
        guard let pool else { throw StoreError(.closed, "cannot \(task) \(file.path): the store was closed") }
        return pool
    }

    private func leave() {
        let idle = state.withLock { state -> CheckedContinuation<Void, Never>? in
            state.running -= 1
            guard state.running == 0 else { return nil }
            defer { state.idle = nil }
            return state.idle
        }
        idle?.resume()
    }

    private static func blocking<Value: Sendable>(
        _ body: @escaping @Sendable () throws(StoreError) -> Value
    ) async -> Result<Value, StoreError> {
        await withCheckedContinuation { continuation in
            DispatchQueue(label: "rivulet.sqlite.open").async { continuation.resume(returning: Result(catching: body)) }
        }
    }
}
