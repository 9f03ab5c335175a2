import RivuletBackbone

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// That this process alone has a store open, until the last reference goes. The kernel lets go when the process dies, so a lock
/// file that was left behind means nothing.
final class FileLock: Sendable {
    private let descriptor: CInt

    /// - Throws: ``StoreError`` `inUse` when another node has it.
    init(path: String, of store: String) throws(StoreError) {
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw Self.error("cannot open \(store): its lock file cannot be made", errno) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let number = errno
            close(descriptor)
            guard number == EWOULDBLOCK else { throw Self.error("cannot open \(store): it cannot be locked", number) }
            throw StoreError(.inUse, "cannot open \(store): another node has it open (it holds \(path))")
        }
        self.descriptor = descriptor
    }

    deinit {
        // Closing alone would leave it locked while a child process between fork and exec still has the descriptor.
        flock(descriptor, LOCK_UN)
        close(descriptor)
    }

    private static func error(_ what: String, _ number: CInt) -> StoreError {
        let code: StoreError.Code =
            switch number {
            case EROFS, EACCES, EPERM: .readOnly
            case ENOSPC, EDQUOT: .full
            default: .unavailable
            }
        return StoreError(code, "\(what): \(String(cString: strerror(number)).lowercased())")
    }
}
