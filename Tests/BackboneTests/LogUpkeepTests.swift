import Foundation
import GRDB
import Logging
import RivuletBackbone
import RivuletSubscriptions
import RivuletTesting
import TestSupport
import Testing

@testable import RivuletSQLite

@Suite("SQLite's log is kept short and whole", .timeLimit(.minutes(2)))
struct LogUpkeepTests {
    private static let checkpointPages = 50

    // MARK: Short

    /// Reads with two connections, of which one always begins before the other one ends.
    private func readWithoutGap(_ path: String, _ begun: Count, until over: Count) throws {
        var configuration = Configuration()
        configuration.readonly = true
        configuration.allowsUnsafeTransactions = true
        configuration.busyMode = .timeout(10)
        let readers = try (0..<2).map { _ in try DatabaseQueue(path: path, configuration: configuration) }
        func begin(_ reader: DatabaseQueue) throws {
            try reader.unsafeRead { db in
                try db.execute(sql: "BEGIN")
                _ = try Int.fetchOne(db, sql: "SELECT count(*) FROM streams")
            }
            begun.increase()
        }
        func finish(_ reader: DatabaseQueue) throws {
            try reader.unsafeRead { db in
                // As long as a commit, or several.
                _ = try Int.fetchOne(
                    db,
                    sql: """
                        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
                        SELECT count(*) FROM n
                        """)
                try db.execute(sql: "ROLLBACK")
            }
        }
        var current = 0
        try begin(readers[current])
        while over.value == 0 {
            try begin(readers[1 - current])
            try finish(readers[current])
            current = 1 - current
        }
        try finish(readers[current])
        for reader in readers { try reader.close() }
    }

    /// The salt, which is another one in the header of a log that was begun anew (https://www.sqlite.org/fileformat2.html#walformat), and
    /// the length in bytes.
    private func look(at log: URL) throws -> (salt: Data, length: UInt64) {
        let file = try FileHandle(forReadingFrom: log)
        defer { try? file.close() }
        let header = try #require(try file.read(upToCount: 24))
        return (header.suffix(8), try file.seekToEnd())
    }

    /// Commits until the log was begun anew three times, but not for ever.
    ///
    /// - Returns: How often, and how many commits that took.
    private func commit(to store: SQLiteBackbone, in directory: StoreDirectory, then over: Count) async throws -> (
        anew: Int, commits: UInt64
    ) {
        defer { over.increase() }
        let log = URL(fileURLWithPath: directory.file + "-wal")
        var (anew, commits) = (0, UInt64(0))
        var salt = try look(at: log).salt
        let end = ContinuousClock.now + .seconds(60)
        while anew < 3, .now < end {
            let event = NewEvent(subject: try Subject("evt.Player.ann.Won"), payload: Array("\(commits)".utf8))
            let turn = TurnCommit(
                object: ObjectID(kind: "Player", id: "ann"), ownerEpoch: 0, expectedVersion: commits, state: nil, events: [event])
            _ = try await store.commit([turn])
            commits += 1
            let seen = try look(at: log)
            guard seen.salt != salt else { continue }
            salt = seen.salt
            anew += 1
            #expect(seen.length <= 2 * 4096 * Self.checkpointPages)
        }
        return (anew, commits)
    }

    @Test("it is begun anew though somebody reads at any time")
    func overlappingReads() async throws {
        try await StoreDirectory.with { directory in
            let store = try await SQLiteBackbone.open(
                SQLiteConfiguration(path: directory.file, checkpointPages: Self.checkpointPages), time: directory.time,
                clock: directory.clock(boot: "today"), logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
            try await store.open("Player")
            let (begun, over) = (Count(), Count())
            async let reading: Void = onThread { try readWithoutGap(directory.file, begun, until: over) }
            try await until { begun.value > 0 }
            let (anew, commits) = try await commit(to: store, in: directory, then: over)
            try await reading
            #expect(anew == 3, "after \(commits) commits")

            #expect(try await store.heads() == ["Player": commits])
            #expect(try await store.load(ObjectID(kind: "Player", id: "ann")).version == commits)
            try await store.close()
            let file = try DatabaseQueue(path: directory.file)
            let found = try await file.read { db in
                [try String.fetchOne(db, sql: "PRAGMA integrity_check"), try String.fetchOne(db, sql: "SELECT count(*) FROM events")]
            }
            #expect(found == ["ok", "\(commits)"])
            try file.close()
        }
    }

    // MARK: Whole

    private func writer(in directory: StoreDirectory, log: LogFile) throws -> Writer {
        Writer(
            database: try DatabaseQueue(path: directory.file),
            lock: FileLock(path: directory.file + ".lock", of: directory.file, patience: .seconds(30)), busyTimeout: .seconds(2),
            file: StoreFile(path: directory.file), upkeep: LogUpkeep(log, limit: .max), reserve: LogReserve(log, limit: 0))
    }

    private func fail(_ writer: Writer, with trouble: StoreError) async {
        let error = await #expect(throws: StoreError.self) { try await writer.run("commit to") { (_: Database) -> Void in throw trouble } }
        #expect(error?.code == trouble.code)
    }

    @Test("after a sync that failed nothing more is committed until the whole log was written again")
    func failedSync() async throws {
        try await StoreDirectory.with { directory in
            let log = URL(fileURLWithPath: directory.path + "/log")
            let writer = try writer(in: directory, log: LogFile(path: log.path))
            let commits = Count()
            await fail(writer, with: StoreError(.full, "no room", cause: DatabaseError(resultCode: .SQLITE_FULL)))
            try await writer.run("commit to") { _ in commits.increase() }
            #expect(commits.value == 1)

            await fail(writer, with: StoreError(.unknownOutcome, "no sync", cause: DatabaseError(resultCode: .SQLITE_IOERR_FSYNC)))
            // There is no log yet, which is as good as one that cannot be written.
            for _ in 0..<3 {
                let error = await #expect(throws: StoreError.self) { try await writer.run("commit to") { _ in commits.increase() } }
                #expect(error?.code == .unavailable)
                #expect(error?.message.contains("a sync of its log has failed") == true)
            }
            #expect(commits.value == 1)

            let content = Data((0..<1_500_000).map { UInt8(truncatingIfNeeded: $0 &* 7) })
            try content.write(to: log)
            for _ in 0..<2 { try await writer.run("commit to") { _ in commits.increase() } }
            #expect(commits.value == 3)
            #expect(try Data(contentsOf: log) == content)
            try writer.close()
        }
    }
}
