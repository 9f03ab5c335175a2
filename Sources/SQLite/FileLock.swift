import RivuletBackbone
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// What every write transaction and every checkpoint of a store holds, in whatever process: SQLite 3.7.0 to 3.51.2 may damage a file when
/// one connection begins its log anew while another one writes or checkpoints. Each connection that writes has one of its own.
///
/// The kernel gives a lock to whoever asks first when it is free, and who has just let go asks first: one who commits again and again
/// would keep the others out. So there is a gate before the lock, a second file, which is had by one at a time and only until that one
/// has the lock: who lets go of the lock while another one stands at the gate comes after that one.
final class FileLock: Sendable {
    /// Short beside a commit: for so long the lock may be free though somebody wants it.
    private static let pauseMicroseconds: UInt32 = 100
    /// After which one who does not come through the gate goes round it, and competes for the lock: whoever is there may have been
    /// stopped. Long beside a commit and beside the time that a busy machine takes to wake who is next.
    private static let gatePatience = Duration.milliseconds(10)

    private struct Files: ~Copyable {
        var lock: LockFile
        var gate: LockFile
    }

    private let path: String
    private let store: String
    private let patience: Duration
    private let files: Mutex<Files>

    /// A lock on the file at `path`, and a gate beside it, which are made if they are missing, for the database file `store`.
    ///
    /// - Parameter patience: How long whoever wants it waits for others.
    init(path: String, of store: String, patience: Duration) {
        (self.path, self.store, self.patience) = (path, store, patience)
        files = Mutex(Files(lock: LockFile(path: path, of: store), gate: LockFile(path: path + ".next", of: store)))
    }

    /// Until when somebody waits who begins now.
    var deadline: ContinuousClock.Instant { deadline(from: .now) }

    /// Until when somebody waits who began to at a moment.
    func deadline(from start: ContinuousClock.Instant) -> ContinuousClock.Instant { start + patience }

    /// Runs `body` while nobody else has the lock. Blocks.
    ///
    /// - Throws: ``StoreError`` when the lock cannot be had until the deadline; what `body` throws.
    func hold<Value: Sendable>(for task: String, until deadline: ContinuousClock.Instant, _ body: () throws -> Value) throws -> Value {
        try files.withLock { files in
            try acquire(&files, for: task, until: deadline)
            defer { files.lock.letGo() }
            return try body()
        }
    }

    private func acquire(_ files: inout Files, for task: String, until deadline: ContinuousClock.Instant) throws(StoreError) {
        let goesRound = min(.now + Self.gatePatience, deadline)
        var hasGate = false
        defer { if hasGate { files.gate.letGo() } }
        while true {
            if !hasGate { hasGate = try files.gate.take(for: task) }
            if hasGate || ContinuousClock.now >= goesRound {
                if try files.lock.take(for: task) { return }
                guard ContinuousClock.now < deadline else {
                    throw StoreError(.unavailable, "cannot \(task) \(store): another node has not let go of \(path) for \(patience)")
                }
            }
            usleep(Self.pauseMicroseconds)
        }
    }
}
