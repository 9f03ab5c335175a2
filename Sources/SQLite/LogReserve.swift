import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Makes SQLite's log grow in few steps. A sync after which the file is longer has to write its length too, and waits for that: a fifth
/// of a small commit's time (measured on ext4). So zeros are written ahead of the log, once in many commits.
///
/// SQLite takes them for the end of the log, as what is left of a log that it has begun anew: only frames with the log's salt count
/// (https://www.sqlite.org/walformat.html).
final class LogReserve: Sendable {
    private struct State {
        var descriptor: CInt?
        /// Up to where the file was made longer, or found to be long.
        var end: off_t?
    }

    private static let zeros = [UInt8](repeating: 0, count: 1 << 16)
    /// So much that few commits pay for it, so little that the one that does is not held up.
    private static let most: off_t = 1 << 20

    private let path: String
    private let limit: off_t
    private let state = Mutex(State())

    /// - Parameters:
    ///   - path: The log's.
    ///   - limit: Up to which length it is made longer, in bytes.
    init(path: String, limit: Int) {
        (self.path, self.limit) = (path, off_t(limit))
    }

    deinit {
        state.withLock { state in
            if let descriptor = state.descriptor { close(descriptor) }
        }
    }

    /// Makes the log longer if the last commit has, twice as long at most. The caller has the lock under which alone the log is written.
    func extend() {
        state.withLock { state in
            guard let descriptor = openOnce(&state) else { return }
            var file = stat()
            guard fstat(descriptor, &file) == 0 else { return }
            let size = file.st_size
            let isLonger = state.end.map { size > $0 } ?? false
            state.end = size
            guard isLonger, size < limit else { return }
            let more = min(size, Self.most, limit - size)
            if write(more, at: size, to: descriptor) { state.end = size + more }
        }
    }

    private func openOnce(_ state: inout State) -> CInt? {
        if state.descriptor == nil {
            let descriptor = open(path, O_RDWR | O_CLOEXEC)
            if descriptor >= 0 { state.descriptor = descriptor }
        }
        return state.descriptor
    }

    /// False when there is no room: then the file is as long as it was.
    private func write(_ count: off_t, at start: off_t, to descriptor: CInt) -> Bool {
        var done: off_t = 0
        while done < count {
            let written = Self.zeros.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, min($0.count, Int(count - done)), start + done) }
            guard written > 0 else {
                ftruncate(descriptor, start)
                return false
            }
            done += off_t(written)
        }
        return true
    }
}
