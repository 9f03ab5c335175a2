import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The file of SQLite's log. Whoever changes it here has the lock under which alone it is written.
final class LogFile: Sendable {
    /// Why what the log holds could not be brought to the disk.
    struct SyncError: Error, CustomStringConvertible {
        let number: CInt

        var description: String {
            "a sync of its log has failed, and so did writing the log again: \(String(cString: strerror(number)).lowercased())"
        }
    }

    private static let zeros = [UInt8](repeating: 0, count: 1 << 16)

    private let path: String
    private let descriptor = Mutex<CInt?>(nil)

    init(path: String) {
        self.path = path
    }

    deinit {
        descriptor.withLock { descriptor in
            if let descriptor { close(descriptor) }
        }
    }

    /// In bytes; nil when it cannot be told.
    ///
    /// Not by `fstat`: who has seen a file's times has Linux note each change of them, and then a sync writes them too, and waits for that
    /// (https://docs.kernel.org/filesystems/multigrain-ts.html).
    func length() -> Int? {
        guard let descriptor = opened() else { return nil }
        let end = lseek(descriptor, 0, SEEK_END)
        return end >= 0 ? Int(end) : nil
    }

    /// Makes it longer by so many zeros. False when there is no room: then it is as long as it was.
    func extend(by count: Int, from start: Int) -> Bool {
        guard let descriptor = opened() else { return false }
        var done = 0
        while done < count {
            let size = min(Self.zeros.count, count - done)
            let isWritten = Self.zeros.withUnsafeBytes { zeros in
                Self.write(UnsafeRawBufferPointer(rebasing: zeros[..<size]), at: start + done, to: descriptor)
            }
            guard isWritten else {
                ftruncate(descriptor, off_t(start))
                return false
            }
            done += size
        }
        return true
    }

    /// Writes what it holds once more in the same place, and syncs it: what the system could not write, and has given up to write, it
    /// writes now.
    func writeAgain() throws(SyncError) {
        guard let descriptor = opened() else { throw SyncError(number: errno) }
        // Tells of the trouble that is known already, which the next one shall not.
        _ = Self.flush(descriptor)
        var content = [UInt8](repeating: 0, count: 1 << 20)
        var position = 0
        while true {
            let count = content.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, off_t(position)) }
            if count == 0 { break }
            let isWritten =
                count > 0
                && content.withUnsafeBytes { Self.write(UnsafeRawBufferPointer(rebasing: $0[..<count]), at: position, to: descriptor) }
            guard isWritten else { throw SyncError(number: errno) }
            position += count
        }
        guard Self.flush(descriptor) == 0 else { throw SyncError(number: errno) }
    }

    private func opened() -> CInt? {
        descriptor.withLock { descriptor in
            if descriptor == nil {
                let candidate = open(path, O_RDWR | O_CLOEXEC)
                if candidate >= 0 { descriptor = candidate }
            }
            return descriptor
        }
    }

    private static func write(_ bytes: UnsafeRawBufferPointer, at start: Int, to descriptor: CInt) -> Bool {
        var done = 0
        while done < bytes.count {
            let written = pwrite(descriptor, bytes.baseAddress?.advanced(by: done), bytes.count - done, off_t(start + done))
            guard written > 0 else { return false }
            done += written
        }
        return true
    }

    private static func flush(_ descriptor: CInt) -> CInt {
        #if canImport(Darwin)
            return fcntl(descriptor, F_FULLFSYNC)
        #else
            return fsync(descriptor)
        #endif
    }
}
