import Foundation
import GRDB
import RivuletBackbone
import RivuletSubscriptions
import RivuletTesting
import TestSupport
import Testing

@testable import RivuletSQLite

/// What a store does when its disk or its file will not serve, and that it goes on without a restart when they do again.
@Suite("SQLite store in trouble", .timeLimit(.minutes(1)))
struct SQLiteTroubleTests {
    private func turn(_ version: UInt64, bytes: Int = 10) throws -> TurnCommit {
        let state = Array("\"\(String(repeating: "x", count: bytes))\"".utf8)
        let event = NewEvent(subject: try Subject("evt.Player.ann.Won"), payload: Array("\(version)".utf8))
        return TurnCommit(
            object: ObjectID(kind: "Player", id: "ann"), ownerEpoch: 0, expectedVersion: version, state: state, events: [event])
    }

    /// Commits until it fails, and returns how many did not.
    private func commitUntilFull(_ store: SQLiteBackbone, from start: UInt64) async throws -> UInt64 {
        for version in start..<start + 10_000 {
            do {
                _ = try await store.commit([try turn(version, bytes: 20_000)])
            } catch let error as StoreError {
                #expect(error.code == .full, "\(error)")
                return version
            }
        }
        Issue.record("the disk did not become full")
        return start
    }

    private func expectConsistent(_ store: SQLiteBackbone, version: UInt64) async throws {
        let stored = try await store.load(ObjectID(kind: "Player", id: "ann"))
        #expect(stored.version == version)
        let page = try await store.read(EventRead(stream: "Player", from: 1, limit: .max))
        #expect(page.events.map(\.sequence) == Array(0..<version).map { $0 + 1 })
        #expect(page.events.map { String(decoding: $0.payload, as: UTF8.self) } == (0..<version).map { "\($0)" })
        #expect(page.state.last == version)
    }

    @Test("a database at its size limit fails commits with `full`, leaves nothing of them, and goes on when there is room")
    func sizeLimit() async throws {
        try await StoreDirectory.with { directory in
            let store = try await directory.open()
            try await store.open("Player")
            try await store.write("limit") { db in try db.execute(sql: "PRAGMA max_page_count = 40") }
            // Only rows that stay take room: as many objects as fit.
            var kept = 0
            while true {
                let object = ObjectID(kind: "Big", id: "\(kept)")
                let turn = TurnCommit(
                    object: object, ownerEpoch: 0, expectedVersion: 0, state: Array(repeating: UInt8(ascii: "1"), count: 10_000))
                do {
                    _ = try await store.commit([turn])
                } catch let error as StoreError {
                    #expect(error.code == .full)
                    #expect(error.message.contains(directory.file))
                    #expect(try await store.load(object) == StoredObject())
                    break
                }
                kept += 1
            }
            #expect(kept > 3)
            try await store.write("raise the limit") { db in try db.execute(sql: "PRAGMA max_page_count = 1000000") }
            _ = try await store.commit([try turn(0)])
            try await expectConsistent(store, version: 1)
            try await store.close()
        }
    }

    @Test("a full disk fails commits with `full`, and the same store goes on when there is room")
    func fullDisk() async throws {
        let mounted = try await SmallDisk.with(kibibytes: 1024) { disk in
            let directory = StoreDirectory(path: disk.path)
            let store = try await directory.open()
            try await store.open("Player")
            _ = try await store.commit([try turn(0)])
            try disk.fill()
            var version = try await commitUntilFull(store, from: 1)
            try await expectConsistent(store, version: version)
            for _ in 0..<3 { #expect(try await commitUntilFull(store, from: version) == version) }

            try disk.empty()
            for _ in 0..<10 {
                _ = try await store.commit([try turn(version)])
                version += 1
            }
            try await expectConsistent(store, version: version)
            try await store.close()
            let again = try await directory.open()
            try await expectConsistent(again, version: version)
            try await again.close()
        }
        if !mounted { print("not run: no file system can be mounted here") }
    }

    @Test("a file system that may not be written is refused with `readOnly`")
    func readOnlyFileSystem() async throws {
        let mounted = try await SmallDisk.with(kibibytes: 4096) { disk in
            let directory = StoreDirectory(path: disk.path)
            try await directory.open().close()
            guard disk.makeReadOnly() else { return }
            let error = await #expect(throws: StoreError.self) { _ = try await directory.open() }
            #expect(error?.code == .readOnly)
            #expect(error?.message.contains(directory.file) == true)
        }
        if !mounted { print("not run: no file system can be mounted here") }
    }

    @Test("a file that may not be written fails commits with `readOnly`, is still read, and goes on when it may")
    func readOnlyFile() async throws {
        try await StoreDirectory.with { directory in
            let store = try await directory.open()
            try await store.open("Player")
            _ = try await store.commit([try turn(0)])
            try await store.write("forbid") { db in try db.execute(sql: "PRAGMA query_only = 1") }
            let error = await #expect(throws: StoreError.self) { _ = try await store.commit([try turn(1)]) }
            #expect(error?.code == .readOnly)
            try await expectConsistent(store, version: 1)
            try await store.write("allow") { db in try db.execute(sql: "PRAGMA query_only = 0") }
            _ = try await store.commit([try turn(1)])
            try await expectConsistent(store, version: 2)
            try await store.close()
        }
    }

    @Test("a lock that another program holds fails commits with `unavailable` after the time-out, and no longer")
    func lockedByOther() async throws {
        try await StoreDirectory.with { directory in
            let store = try await directory.open(busyTimeout: .milliseconds(50))
            try await store.open("Player")
            var configuration = Configuration()
            configuration.allowsUnsafeTransactions = true
            let other = try DatabaseQueue(path: directory.file, configuration: configuration)
            try await other.writeWithoutTransaction { db in try db.beginTransaction(.immediate) }
            let error = await #expect(throws: StoreError.self) { _ = try await store.commit([try turn(0)]) }
            #expect(error?.code == .unavailable)
            #expect(error?.message.contains("another program") == true)
            try await other.writeWithoutTransaction { db in try db.rollback() }
            _ = try await store.commit([try turn(0)])
            try await expectConsistent(store, version: 1)
            try other.close()
            try await store.close()
        }
    }

    /// Fails the next COMMIT as a disk would whose sync fails.
    private final class FailingSync: TransactionObserver {
        func observes(eventsOfKind eventKind: DatabaseEventKind) -> Bool { false }
        func databaseDidChange(with event: DatabaseEvent) {}
        func databaseWillCommit() throws { throw DatabaseError(resultCode: .SQLITE_IOERR_FSYNC) }
        func databaseDidCommit(_ db: Database) {}
        func databaseDidRollback(_ db: Database) {}
    }

    @Test("a COMMIT that fails for another reason than room, permission or a lock has an unknown outcome, and the store can be asked")
    func unknownOutcome() async throws {
        try await StoreDirectory.with { directory in
            let store = try await directory.open()
            try await store.open("Player")
            try await store.write("break") { db in db.add(transactionObserver: FailingSync(), extent: .nextTransaction) }
            let error = await #expect(throws: StoreError.self) { _ = try await store.commit([try turn(0)]) }
            #expect(error?.code == .unknownOutcome)
            try await expectConsistent(store, version: 0)
            _ = try await store.commit([try turn(0)])
            try await expectConsistent(store, version: 1)
            try await store.close()
        }
    }
}
