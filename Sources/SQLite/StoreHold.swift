import RivuletBackbone
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// That somebody has a store open, alone or with others, until it is let go. The kernel lets go when the process dies, so a file that was
/// left behind means nothing.
final class StoreHold: Sendable {
    private let descriptor: Mutex<CInt?>

    /// - Throws: ``StoreError`` `inUse` when another node has it and one of both wants to be alone.
    init(path: String, of store: String, isExclusive: Bool) throws(StoreError) {
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw Self.error(store, errno) }
        guard flock(descriptor, (isExclusive ? LOCK_EX : LOCK_SH) | LOCK_NB) == 0 else {
            let number = errno
            close(descriptor)
            guard number == EWOULDBLOCK else { throw Self.error(store, number) }
            throw StoreError(.inUse, "cannot open \(store): another node has it open (it holds \(path))")
        }
        self.descriptor = Mutex(descriptor)
    }

    deinit { letGo() }

    /// Ends it; again does nothing.
    func letGo() {
        descriptor.withLock { descriptor in
            guard let held = descriptor.take() else { return }
            // Closing alone would leave it locked while a child process between fork and exec still has the descriptor.
            flock(held, LOCK_UN)
            close(held)
        }
    }

    private static func error(_ store: String, _ number: CInt) -> StoreError {
        StoreError(
            .init(systemError: number),
            "cannot open \(store): its lock file cannot be used: \(String(cString: strerror(number)).lowercased())")
    }
}
