import RivuletBackbone

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// A file that is there for one at a time to lock it.
///
/// The kernel lets go when a process dies, so a file that was left behind means nothing. Locks belong to the open file, not to the
/// process: whoever is to be kept out by others of the same process has a value of its own.
struct LockFile: ~Copyable {
    private let path: String
    private let store: String
    private var file: OpenFile?

    private struct OpenFile {
        let descriptor: CInt
        let status: stat
    }

    /// The file at `path`, which is made when it is wanted and there is none, for the database file `store`.
    init(path: String, of store: String) {
        (self.path, self.store) = (path, store)
    }

    deinit {
        if let file { close(file.descriptor) }
    }

    /// Locks it unless somebody else has it: says whether it is had now.
    mutating func take(for task: String) throws(StoreError) -> Bool {
        while true {
            let candidate = if let file { file } else { try makeFile(for: task) }
            file = candidate
            guard flock(candidate.descriptor, LOCK_EX | LOCK_NB) == 0 else {
                let number = errno
                guard number == EWOULDBLOCK || number == EINTR else { throw error(task, "it cannot be locked", number) }
                return false
            }
            if isStillThere(candidate) { return true }
            close(candidate.descriptor)
            file = nil
        }
    }

    /// Ends what ``take(for:)`` began.
    func letGo() {
        // Closing would leave it locked while a child process between fork and exec still has the descriptor.
        if let file { flock(file.descriptor, LOCK_UN) }
    }

    private func makeFile(for task: String) throws(StoreError) -> OpenFile {
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw error(task, "its lock file cannot be made", errno) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            let number = errno
            close(descriptor)
            throw error(task, "its lock file cannot be examined", number)
        }
        return OpenFile(descriptor: descriptor, status: status)
    }

    /// Somebody may have removed the file; then the next process locks a new one.
    private func isStillThere(_ file: OpenFile) -> Bool {
        var there = stat()
        return stat(path, &there) == 0 && there.st_ino == file.status.st_ino && there.st_dev == file.status.st_dev
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
