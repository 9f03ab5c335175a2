import Foundation
import GRDB
import Logging
import RivuletBackbone
import RivuletSubscriptions
import TestSupport
import Testing

@testable import RivuletSQLite

@Suite("Opening a SQLite store", .timeLimit(.minutes(1)))
struct SQLiteOpeningTests {
    private let ann = ObjectID(kind: "Player", id: "ann")

    private func expectRefusal(
        _ code: StoreError.Code, _ words: String, _ body: () async throws -> SQLiteBackbone,
        at location: SourceLocation = #_sourceLocation
    ) async {
        let error = await #expect(throws: StoreError.self, sourceLocation: location) { _ = try await body() }
        #expect(error?.code == code, sourceLocation: location)
        #expect(error?.message.contains(words) == true, "\(error?.message ?? "no error")", sourceLocation: location)
    }

    @Test("synchronous is FULL on the connection that writes, in WAL mode")
    func durability() async throws {
        try await StoreDirectory.with { directory in
            for _ in 0..<2 {
                let store = try await directory.open()
                let pragmas = try await store.write("ask") { db in
                    [try String.fetchOne(db, sql: "PRAGMA synchronous"), try String.fetchOne(db, sql: "PRAGMA journal_mode")]
                }
                #expect(pragmas == ["2", "wal"])
                try await store.close()
            }
        }
    }

    @Test("a lock file that was left behind does no harm")
    func leftLock() async throws {
        try await StoreDirectory.with { directory in
            _ = FileManager.default.createFile(atPath: directory.file + ".lock", contents: Data("old".utf8))
            try await directory.open().close()
            #expect(FileManager.default.fileExists(atPath: directory.file + ".lock"))
        }
    }

    @Test("a missing directory, a directory and an empty name are refused with the path and the reason")
    func noFile() async throws {
        try await StoreDirectory.with { directory in
            let missing = directory.path + "/none/store.sqlite"
            await expectRefusal(.unavailable, "cannot open \(missing): no such directory") { try await directory.open(missing) }
            await expectRefusal(.unavailable, "\(directory.path): not a regular file") { try await directory.open(directory.path) }
            await expectRefusal(.unavailable, "no file name") { try await directory.open("") }
        }
    }

    @Test("a file of another application is refused and stays as it was")
    func foreign() async throws {
        try await StoreDirectory.with { directory in
            let other = try DatabaseQueue(path: directory.file)
            try await other.write { db in try db.execute(sql: "CREATE TABLE notes (text); PRAGMA application_id = 42") }
            try other.close()
            let before = try Data(contentsOf: URL(fileURLWithPath: directory.file))
            await expectRefusal(.incompatible, "\(directory.file): it belongs to another application") { try await directory.open() }
            #expect(try Data(contentsOf: URL(fileURLWithPath: directory.file)) == before)

            let text = directory.path + "/text.sqlite"
            try Data(repeating: 65, count: 10_000).write(to: URL(fileURLWithPath: text))
            await expectRefusal(.incompatible, "\(text): it is not a SQLite database") { try await directory.open(text) }
        }
    }

    @Test("a file that a newer version wrote is refused and stays as it was")
    func newer() async throws {
        try await StoreDirectory.with { directory in
            try await directory.open().close()
            let newer = try DatabaseQueue(path: directory.file)
            try await newer.write { db in try db.execute(sql: "INSERT INTO grdb_migrations VALUES ('99 from the future')") }
            try newer.close()
            await expectRefusal(.incompatible, "written by a newer version") { try await directory.open() }
        }
    }

    @Test("an empty file becomes a store; bringing it up to date is logged once")
    func migration() async throws {
        try await StoreDirectory.with { directory in
            _ = FileManager.default.createFile(atPath: directory.file, contents: nil)
            let handler = LogLines()
            for _ in 0..<2 {
                try await directory.open(directory.file, logger: Logger(label: "test") { _ in handler }).close()
            }
            #expect(handler.lines.all == ["store brought up to date"])
        }
    }

    @Test("many who open a file at once that is not there yet all get the same store")
    func openingAtOnce() async throws {
        try await StoreDirectory.with { directory in
            let stores = try await withThrowingTaskGroup(of: SQLiteBackbone.self) { group in
                for _ in 0..<8 { group.addTask { try await directory.open() } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            let state = try await stores[0].open("Player")
            for store in stores {
                #expect(try await store.state(of: "Player") == state)
                try await store.close()
            }
        }
    }

    @Test("a store from before nodes shared it gets what it lacks, and keeps what it has")
    func olderStore() async throws {
        try await StoreDirectory.with { directory in
            let older = try DatabaseQueue(path: directory.file)
            try StoreMigrations.migrator.migrate(older, upTo: "1 first tables")
            try await older.write { db in
                try db.execute(
                    sql: """
                        INSERT INTO objects (kind, id, version, owner_epoch, last_event, updated, state)
                        VALUES ('Player', 'ann', 3, 0, 0, 0, '7')
                        """)
            }
            try older.close()
            try await directory.withNodes(1) { nodes in
                let lease = try await nodes[0].join(NodeDescription(name: "a", address: "a:1"), timeToLive: .seconds(5))
                #expect(try await nodes[0].claim(ann, for: lease) == Ownership(node: "a", epoch: 1))
                #expect(try await nodes[0].load(ann) == StoredObject(state: Array("7".utf8), version: 3, ownerEpoch: 1))
            }
        }
    }

    @Test("a closed store says so; closing waits for what is under way and may be repeated")
    func close() async throws {
        try await StoreDirectory.with { directory in
            let store = try await directory.open()
            try await store.open("Player")
            let ann = ann
            let outcomes = await withTaskGroup(of: Bool.self) { group in
                for number in 0..<20 {
                    group.addTask {
                        let object = ObjectID(kind: "Player", id: "\(number)")
                        let turn = TurnCommit(object: object, ownerEpoch: 0, expectedVersion: 0, state: Array("1".utf8))
                        return (try? await store.commit([turn])) != nil
                    }
                }
                group.addTask { (try? await store.close()) == nil }
                return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
            }
            try await store.close()
            let error = await #expect(throws: StoreError.self) { _ = try await store.load(ann) }
            #expect(error?.code == .closed)

            let again = try await directory.open()
            var kept = 0
            for number in 0..<20 where try await again.load(ObjectID(kind: "Player", id: "\(number)")).version == 1 { kept += 1 }
            #expect(kept == outcomes)
            try await again.close()
        }
    }

    @Test("states can be queried with SQLite's json functions, objects by their names on the wire")
    func queries() async throws {
        try await StoreDirectory.with { directory in
            let store = try await directory.open()
            let object = ObjectID(kind: "Player", id: "ann.b")
            _ = try await store.commit([
                TurnCommit(object: object, ownerEpoch: 0, expectedVersion: 0, state: Array("{\"chips\":7}".utf8))
            ])
            try await store.close()
            let reader = try DatabaseQueue(path: directory.file)
            let chips = try await reader.read { db in
                try Int.fetchOne(db, sql: "SELECT state ->> 'chips' FROM objects WHERE kind = 'Player' AND id = 'ann%2Eb'")
            }
            #expect(chips == 7)
            try reader.close()
        }
    }

    @Test("network file systems are known by the kernel's table of mounts")
    func networkFileSystems() {
        let table = """
            25 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
            26 25 0:5 / /dev rw - devtmpfs udev rw
            40 25 0:48 / /mnt/nfs rw,relatime shared:9 master:2 - nfs4 server:/export rw,vers=4.2
            41 25 0:49 / /mnt/a\\040b rw - cifs //server/share rw
            broken line
            """
        #expect(NetworkFileSystem.name(ofDevice: "254:0", mountInfo: table) == nil)
        #expect(NetworkFileSystem.name(ofDevice: "0:48", mountInfo: table) == "nfs4")
        #expect(NetworkFileSystem.name(ofDevice: "0:49", mountInfo: table) == "cifs")
        #expect(NetworkFileSystem.name(ofDevice: "9:9", mountInfo: table) == nil)
    }
}
