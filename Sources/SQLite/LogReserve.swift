import Synchronization

/// Makes SQLite's log grow in few steps. A sync after which the file is longer has to write its length too, and waits for that: a fifth
/// of a small commit's time (measured on ext4). So zeros are written ahead of the log, once in many commits.
///
/// SQLite takes them for the end of the log, as what is left of a log that it has begun anew: only frames with the log's salt count
/// (https://www.sqlite.org/walformat.html).
final class LogReserve: Sendable {
    /// So much that few commits pay for it, so little that the one that does is not held up.
    private static let most = 1 << 20

    private let file: LogFile
    private let limit: Int
    /// Up to where the file was made longer, or found to be long.
    private let end = Mutex<Int?>(nil)

    /// - Parameter limit: Up to which length the file is made longer, in bytes.
    init(_ file: LogFile, limit: Int) {
        (self.file, self.limit) = (file, limit)
    }

    /// Makes the log longer if the last commit has, twice as long at most. The caller has the lock under which alone the log is written.
    ///
    /// - Parameter length: The log's, now.
    func extend(from length: Int) {
        end.withLock { end in
            let isLonger = end.map { length > $0 } ?? false
            end = length
            guard isLonger, length < limit else { return }
            let more = min(length, Self.most, limit - length)
            if file.extend(by: more, from: length) { end = length + more }
        }
    }
}
