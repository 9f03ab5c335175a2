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
/// one connection begins its log anew while another one writes or checkpoints.
///
/// The kernel lets go when a process dies, so a lock file that was left behind means nothing. Locks belong to the open file, not to the
/// process: each connection that writes has one of its own.
final class FileLock: Sendable {
    /// Short beside a commit, so that a process that commits again and again does not keep others out.
    private static let pauseMicroseconds: UInt32 = 100

    private let path: String
    private let store: String
    private let patience: Duration
    private let descriptor: Mutex<CInt?> = Mutex(nil)

    /// A lock on the file at `path`, which is made if there is none, for the database file `store`.
    ///
    /// - Parameter patience: How long whoever wants it waits for others.
    init(path: String, of store: String, patience: Duration) {
        (self.path, self.store, self.patience) = (path, store, patience)
    }

    deinit {
        descriptor.withLock { descriptor in
            if let descriptor { close(descriptor) }
        }
    }

    /// Until when somebody waits who begins now.
    var deadline: ContinuousClock.Instant { .now + patience }

    /// Runs `body` while nobody else has the lock. Blocks.
    ///
    /// - Throws: ``StoreError`` when the lock cannot be had until the deadline; what `body` throws.
    func hold<Value: Sendable>(for task: String, until deadline: ContinuousClock.Instant, _ body: () throws -> Value) throws -> Value {
        try descriptor.withLock { descriptor in
            let held = try acquire(&descriptor, for: task, until: deadline)
            // Closing would leave it locked while a child process between fork and exec still has the descriptor.
            defer { flock(held, LOCK_UN) }
            return try body()
        }
    }

    private func acquire(
        _ descriptor: inout CInt?, for task: String, until deadline: ContinuousClock.Instant
    ) throws(StoreError) -> CInt {
        while true {
            let candidate = if let descriptor { descriptor } else { try makeFile(for: task) }
            descriptor = candidate
            if flock(candidate, LOCK_EX | LOCK_NB) == 0 {
                if isStillThere(candidate) { return candidate }
                close(candidate)
                descriptor = nil
            } else {
                let number = errno
                guard number == EWOULDBLOCK || number == EINTR else { throw error(task, "it cannot be locked", number) }
                guard ContinuousClock.now < deadline else {
                    throw StoreError(.unavailable, "cannot \(task) \(store): another node has not let go of \(path) for \(patience)")
                }
                usleep(Self.pauseMicroseconds)
            }
        }
    }

    private func makeFile(for task: String) throws(StoreError) -> CInt {
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw error(task, "its lock file cannot be made", errno) }
        return descriptor
    }

    /// Somebody may have removed the file; then the next process locks a new one.
    private func isStillThere(_ descriptor: CInt) -> Bool {
        var (mine, there) = (stat(), stat())
        return fstat(descriptor, &mine) == 0 && stat(path, &there) == 0 && mine.st_ino == there.st_ino && mine.st_dev == there.st_dev
    }

    private func error(_ task: String, _ what: String, _ number: CInt) -> StoreError {
        StoreError(.init(systemError: number), "cannot \(task) \(store): \(what): \(String(cString: strerror(number)).lowercased())")
    }
}

extension StoreError.Code {
    /// What an error of a lock file means for its store.
    init(systemError number: CInt) {
        self =
            switch number {
            case EROFS, EACCES, EPERM: .readOnly
            case ENOSPC, EDQUOT: .full
            default: .unavailable
            }
    }
}
