import Dispatch
import GRDB
public import Logging
public import RivuletBackbone
public import RivuletSubscriptions
import Synchronization

/// All five contracts in one SQLite file, which the nodes of a host share: each opens it, in a process of its own or not.
///
/// A commit is on the disk when it returns: the file runs in WAL mode with `synchronous=FULL`. What concerns only the nodes that run now,
/// such as leases, survives them, not the host. Calls may come from any task and are not torn by cancellation; SQLite's blocking work runs
/// on queues of its own.
public final class SQLiteBackbone: Sendable {
    private struct State {
        var opened: SQLiteOpening.Opened?
        var isOpen = true
        var running = 0
        var idle: CheckedContinuation<Void, Never>?
    }

    private let state: Mutex<State>
    let file: StoreFile
    let time: any TimeSource
    let clock: HostClock
    let watch: ChangeWatch
    let commits = CommitExecutor()
    let claims: GroupedCalls<ObjectClaim, Ownership?>
    let releases: GroupedCalls<ObjectRelease, Void>

    private init(_ opened: SQLiteOpening.Opened, time: any TimeSource, clock: HostClock) {
        state = Mutex(State(opened: opened))
        file = opened.file
        watch = ChangeWatch(file: opened.file)
        (self.time, self.clock) = (time, clock)
        claims = GroupedCalls("claim objects in") { claim, db in try claim.run(boot: clock.boot, at: clock.now(), db) }
        releases = GroupedCalls("release objects in") { release, db in try release.run(db) }
    }

    /// Opens the file, or makes it, and brings its tables up to date.
    ///
    /// - Parameter time: Stamps the commits and says which idempotency records have expired.
    /// - Throws: ``StoreError``: `unavailable` or `readOnly` when the file cannot be opened or lies on a network file system,
    ///   `incompatible` when another program or a newer Rivulet wrote it.
    public static func open(
        _ configuration: SQLiteConfiguration, time: any TimeSource = SystemTime(), logger: Logger
    ) async throws(StoreError) -> SQLiteBackbone {
        try await open(configuration, time: time, clock: try HostClock.system(), logger: logger)
    }

    /// The same with another clock for leases.
    package static func open(
        _ configuration: SQLiteConfiguration, time: any TimeSource, clock: HostClock, logger: Logger
    ) async throws(StoreError) -> SQLiteBackbone {
        let result = await blocking { () throws(StoreError) in try SQLiteOpening.open(configuration, logger: logger) }
        return SQLiteBackbone(try result.get(), time: time, clock: clock)
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
        await watch.close()
        let opened = state.withLock { state in
            defer { state.opened = nil }
            return state.opened
        }
        let file = file
        try await Self.blocking { () throws(StoreError) in
            // Whoever has just finished a call may have a reference for a moment longer.
            defer { opened?.hold.letGo() }
            return try file.explaining("close") {
                try opened?.writer.close()
                try opened?.leaseWriter.close()
                // Last, since it can write: where no other node has the file, SQLite moves all of the log into it and removes the log.
                try opened?.clusterWriter.close()
            }
        }.get()
    }

    /// Runs `body` on the connection whose commits are on the disk when they return.
    func write<Value: Sendable>(
        _ task: String, _ body: @escaping @Sendable (Database) throws -> Value
    ) async throws(StoreError) -> Value {
        let opened = try enter(task)
        defer { leave() }
        if commits.isCurrent { return try opened.writer.runHere(task, body) }
        return try await opened.writer.run(task, body)
    }

    /// Runs `body` in a transaction that no process sees undone, but which may be lost with the host's power.
    ///
    /// - Parameters:
    ///   - isSignOfLife: Whether it goes before what waits already.
    ///   - start: Since when it is waited for.
    func writeForCluster<Value: Sendable>(
        _ task: String, isSignOfLife: Bool = false, since start: ContinuousClock.Instant = .now,
        _ body: @escaping @Sendable (Database) throws -> Value
    ) async throws(StoreError) -> Value {
        let opened = try enter(task)
        defer { leave() }
        return try await (isSignOfLife ? opened.leaseWriter : opened.clusterWriter).run(task, since: start) { db in
            if db.isInsideTransaction { try db.rollback() }  // an earlier rollback failed
            try db.beginTransaction(.immediate)
            do {
                let value = try body(db)
                try db.commit()
                return value
            } catch {
                try? db.rollback()
                throw error
            }
        }
    }

    /// Runs `body` on a connection that only reads, in one view of the data.
    func read<Value: Sendable>(
        _ task: String, _ body: @escaping @Sendable (Database) throws -> Value
    ) async throws(StoreError) -> Value {
        let opened = try enter(task)
        defer { leave() }
        let file = file
        return try await withCheckedContinuation { (continuation: CheckedContinuation<Result<Value, StoreError>, Never>) in
            opened.pool.asyncRead { db in
                continuation.resume(returning: Result { () throws(StoreError) in try file.explaining(task) { try body(try db.get()) } })
            }
        }.get()
    }

    private func enter(_ task: String) throws(StoreError) -> SQLiteOpening.Opened {
        let opened = state.withLock { state -> SQLiteOpening.Opened? in
            guard state.isOpen else { return nil }
            state.running += 1
            return state.opened
        }
        guard let opened else { throw StoreError(.closed, "cannot \(task) \(file.path): the store was closed") }
        return opened
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
