import GRDB
import GRDBSQLite
import RivuletBackbone
import Synchronization

/// Keeps SQLite's log short and whole. Whoever calls it has the lock under which alone the log is written.
final class LogUpkeep: Sendable {
    private struct State {
        /// Whether something of the log may not be on the disk though a sync after it succeeds.
        var isDoubtful = false
        /// Not before then is it tried again to have the log begun anew.
        var nextTry: ContinuousClock.Instant?
    }

    /// For so long a write at most is held up by those who read.
    private static let patience = Duration.milliseconds(250)
    private static let pause = Duration.seconds(1)

    let file: LogFile
    private let limit: Int
    private let state = Mutex(State())

    /// - Parameter limit: From which length on the log is begun anew whoever reads, in bytes. SQLite cuts a log that it begins anew to
    ///   `journal_size_limit`, and ``LogReserve`` makes it less long than that: a log longer than both has been filled since.
    init(_ file: LogFile, limit: Int) {
        (self.file, self.limit) = (file, limit)
    }

    /// Has the log begun anew with the next commit if it has become long.
    ///
    /// The checkpoints that come with commits wait for nobody. They stop at what the oldest reader sees, and the log goes on while anybody
    /// reads from it: never is it begun anew if there is always somebody
    /// (https://www.sqlite.org/wal.html#avoiding_excessively_large_wal_files). This one waits until all who read see the whole log, then
    /// moves it, after which new readers do without the log, and waits for those who do not. As no commit comes in between, each wait is
    /// about as long as one reader's transaction.
    func shorten(_ length: Int, on db: Database) {
        guard length > limit, !db.isInsideTransaction else { return }
        let isTime = state.withLock { state in
            !state.isDoubtful && state.nextTry.map { $0 <= .now } ?? true
        }
        guard isTime else { return }
        db.waitForOthers(atMost: Self.patience)
        do {
            try db.checkpoint(.restart)
            state.withLock { $0.nextTry = nil }
        } catch {
            note(error)
            state.withLock { $0.nextTry = ContinuousClock.now + Self.pause }
        }
    }

    /// Remembers an error after which it is in doubt what of the log is on the disk.
    func note(_ error: any Error) {
        let cause = (error as? StoreError)?.cause ?? error
        guard let trouble = cause as? DatabaseError, trouble.resultCode == .SQLITE_IOERR else { return }
        // Nothing but room was missing, for another file.
        guard trouble.extendedResultCode != .SQLITE_IOERR_SHMSIZE else { return }
        state.withLock { $0.isDoubtful = true }
    }

    /// Before a commit that has to be on the disk: brings all that is before it there, if that is in doubt.
    ///
    /// Linux tells whoever has a file open once that something could not be written, and does not try again: the next sync succeeds. A
    /// frame that another connection wrote, without a sync, may then be missing on the disk, and a recovery ends with it: what was
    /// committed after it would be gone. A checkpoint would be no remedy. Its sync is as blind, and until the log is begun anew, a
    /// recovery would lay the frames before the missing one over newer pages of the database. So the log is written again in place, from
    /// what the system has in memory, which ext4 and XFS keep. That no other program writes it meanwhile is what the transaction is for.
    /// A process that ends before that takes what it knows with it.
    func makeWhole(on db: Database) throws {
        guard state.withLock({ $0.isDoubtful }) else { return }
        if db.isInsideTransaction { try db.rollback() }  // an earlier rollback failed
        try db.inTransaction(.immediate) {
            try file.writeAgain()
            return .rollback
        }
        state.withLock { $0.isDoubtful = false }
    }
}

extension Database {
    /// For how long what follows waits for a lock of another connection.
    func waitForOthers(atMost patience: Duration) {
        sqlite3_busy_timeout(sqliteConnection, Int32(clamping: Int64(patience / .milliseconds(1))))
    }
}
