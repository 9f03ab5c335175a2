import Foundation
import GRDB
import Logging
import RivuletBackbone
import RivuletSubscriptions
import RivuletTesting
import TestSupport
import Testing

@testable import RivuletSQLite

@Suite("Nodes that share a SQLite file", .timeLimit(.minutes(2)))
struct SQLiteSharingTests {
    private let ann = ObjectID(kind: "Player", id: "ann")

    private func turn(_ version: UInt64, epoch: UInt64 = 0) throws -> TurnCommit {
        let event = NewEvent(subject: try Subject("evt.Player.ann.Won"), payload: Array("\(version)".utf8))
        return TurnCommit(object: ann, ownerEpoch: epoch, expectedVersion: version, state: Array("\(version)".utf8), events: [event])
    }

    @Test("a second node opens the file, also by another name, and goes on when the first closes it; the last one leaves the file alone")
    func closing() async throws {
        try await StoreDirectory.with { directory in
            let first = try await directory.open()
            let alias = directory.path + "/alias.sqlite"
            try FileManager.default.createSymbolicLink(atPath: alias, withDestinationPath: directory.file)
            let second = try await directory.open(alias)
            try await first.open("Player")
            _ = try await first.commit([try turn(0)])
            _ = try await second.commit([try turn(1)])
            try await first.close()
            _ = try await second.commit([try turn(2)])
            #expect(try await second.load(ann).version == 3)
            try await second.close()
            let left = try FileManager.default.contentsOfDirectory(atPath: directory.path).sorted()
            #expect(left == ["alias.sqlite", "store.sqlite", "store.sqlite.lock", "store.sqlite.lock.next", "store.sqlite.open"])
            try await directory.withNodes(1) { nodes in
                let stored = try await nodes[0].load(ann)
                #expect(stored.version == 3)
            }
        }
    }

    @Test("an object's events are read though somebody has deleted the first ones")
    func deleted() async throws {
        try await StoreDirectory.with { directory in
            let store = try await directory.open()
            try await store.open("Player")
            for version in 0..<5 { _ = try await store.commit([try turn(UInt64(version))]) }
            try await store.write("delete") { try $0.execute(sql: "DELETE FROM events WHERE sequence < 3") }
            let page = try await store.read(EventRead(stream: "Player", from: 1, matching: SubjectPattern("evt.Player.ann.>"), limit: 2))
            #expect(page.events.map(\.sequence) == [3, 4])
            #expect(page.pending == 1)
            #expect(page.state.first == 3)
            try await store.close()
        }
    }

    @Test("a file in which an event names itself or a later one before it is read all the same", .timeLimit(.minutes(1)))
    func damaged() async throws {
        try await StoreDirectory.with { directory in
            let store = try await directory.open()
            try await store.open("Player")
            for version in 0..<5 { _ = try await store.commit([try turn(UInt64(version))]) }
            try await store.write("damage") { db in
                try db.execute(sql: "UPDATE events SET previous = 3 WHERE sequence = 3; UPDATE events SET previous = 9 WHERE sequence = 2")
            }
            let request = EventRead(stream: "Player", from: 1, matching: try SubjectPattern("evt.Player.ann.>"))
            #expect(try await store.read(request).events.map(\.sequence) == [1, 2, 3, 4, 5])
            try await store.write("damage more") { try $0.execute(sql: "UPDATE objects SET last_event = 9223372036854775807") }
            _ = try? await store.read(request)
            try await store.close()
        }
    }

    @Test("a node gives signs of life before what it asked for earlier is done")
    func signsOfLife() async throws {
        try await StoreDirectory.with { directory in
            try await directory.withNodes(1) { nodes in
                let node = nodes[0]
                let lease = try await node.join(NodeDescription(name: "a", address: "a:1"), timeToLive: .seconds(60))
                let asked = Count()
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for number in 0..<3_000 {
                        group.addTask {
                            asked.increase()
                            _ = try await node.claim(ObjectID(kind: "Player", id: "\(number)"), for: lease)
                        }
                    }
                    try await until { asked.value == 3_000 }
                    #expect(try await node.renew(lease, status: NodeStatus()))
                    let claimed = try await node.read("count") { db in try Int.fetchOne(db, sql: "SELECT count(*) FROM objects") }
                    #expect(try #require(claimed) < 2_900)
                    try await group.waitForAll()
                }
            }
        }
    }

    @Test("a file that was closed can be had alone at once")
    func closedIsLetGo() async throws {
        try await StoreDirectory.with { directory in
            for round in 0..<100 {
                let store = try await directory.open(isExclusive: true)
                async let read = store.load(ann)
                async let written = store.open("Player")
                _ = try? await (read, written)
                do { try await store.close() } catch { Issue.record("round \(round): \(error)") }
            }
        }
    }

    @Test("one who reads does not hold up another who closes")
    func closingBesideAReader() async throws {
        try await StoreDirectory.with { directory in
            try await directory.withNodes(1) { nodes in
                let other = try await directory.open(busyTimeout: .seconds(60))
                try await nodes[0].open("Player")
                _ = try await nodes[0].commit([try turn(0)])
                var configuration = Configuration()
                configuration.allowsUnsafeTransactions = true
                let reader = try DatabaseQueue(path: directory.file, configuration: configuration)
                try await reader.writeWithoutTransaction { db in
                    try db.beginTransaction(.deferred)
                    _ = try Row.fetchAll(db, sql: "SELECT * FROM streams")
                }
                _ = try await nodes[0].commit([try turn(1)])
                try await other.close()
                _ = try await nodes[0].commit([try turn(2)])
                try await reader.writeWithoutTransaction { try $0.rollback() }
                try reader.close()
            }
        }
    }

    @Test("nodes that commit at once wait for each other: every stream is without gap or duplicate")
    func contention() async throws {
        try await StoreDirectory.with { directory in
            try await directory.withNodes(4) { nodes in
                try await nodes[0].open("Player")
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for (number, node) in nodes.enumerated() {
                        group.addTask {
                            let object = ObjectID(kind: "Player", id: "\(number)")
                            for version: UInt64 in 0..<100 {
                                let event = NewEvent(subject: try Subject("evt.Player.\(number).Won"), payload: Array("1".utf8))
                                let turn = TurnCommit(
                                    object: object, ownerEpoch: 0, expectedVersion: version, state: nil, events: [event])
                                let outcome = try await node.commit([turn]).first
                                #expect(outcome != .fenced)
                            }
                        }
                    }
                    try await group.waitForAll()
                }
                let page = try await nodes[1].read(EventRead(stream: "Player", from: 1, limit: .max))
                #expect(page.events.map(\.sequence) == Array(1...400))
            }
        }
    }

    @Test("a lock that another process keeps fails commits with `unavailable` after the time-out, and no longer")
    func heldLock() async throws {
        try await StoreDirectory.with { directory in
            let store = try await directory.open(lockTimeout: .milliseconds(50))
            try await store.open("Player")
            let other = open(directory.file + ".lock", O_RDWR)
            #expect(flock(other, LOCK_EX) == 0)
            let error = await #expect(throws: StoreError.self) { _ = try await store.commit([try turn(0)]) }
            #expect(error?.code == .unavailable)
            #expect(error?.message.contains("cannot commit to \(directory.file)") == true)
            flock(other, LOCK_UN)
            _ = try await store.commit([try turn(0)])
            close(other)
            try await store.close()
        }
    }

    @Test("those who wait for such a lock fail together, not one after the other")
    func heldLockForMany() async throws {
        try await StoreDirectory.with { directory in
            let store = try await directory.open(lockTimeout: .seconds(1))
            let lease = try await store.join(NodeDescription(name: "a", address: "a:1"), timeToLive: .seconds(3600))
            let other = open(directory.file + ".lock", O_RDWR)
            #expect(flock(other, LOCK_EX) == 0)
            let took = await ContinuousClock().measure {
                await withDiscardingTaskGroup { group in
                    for number in 0..<100 {
                        group.addTask {
                            let object = ObjectID(kind: "Player", id: "\(number)")
                            await #expect(throws: StoreError.self) { _ = try await store.claim(object, for: lease) }
                        }
                    }
                }
            }
            #expect(took < .seconds(50))
            flock(other, LOCK_UN)
            close(other)
            try await store.close()
        }
    }

    @Test("nodes lock the same files though somebody removes them")
    func removedLock() async throws {
        try await StoreDirectory.with { directory in
            try await directory.withNodes(2) { nodes in
                try await nodes[0].open("Player")
                _ = try await nodes[1].commit([try turn(0)])
                for name in [".lock", ".lock.next"] { try FileManager.default.removeItem(atPath: directory.file + name) }
                _ = try await nodes[1].commit([try turn(1)])
                let other = open(directory.file + ".lock", O_RDWR)
                #expect(other >= 0 && flock(other, LOCK_EX) == 0)
                async let waiting = nodes[0].commit([try turn(2)])
                flock(other, LOCK_UN)
                close(other)
                #expect(try await waiting.first != .fenced)
            }
        }
    }

    @Test("leases do not end when the wall clock jumps, and all end when the host starts anew")
    func clocks() async throws {
        try await StoreDirectory.with { directory in
            let store = try await directory.open()
            let lease = try await store.join(NodeDescription(name: "a", address: "a:1"), timeToLive: .seconds(5))
            let old = try await store.claim(ann, for: lease)
            directory.time.jumpWall(to: Timestamp(nanoseconds: directory.time.wallTime.nanoseconds + 3_600_000_000_000))
            #expect(try await store.renew(lease, status: NodeStatus()))
            try await store.close()

            let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            let later = try await SQLiteBackbone.open(
                SQLiteConfiguration(path: directory.file), time: directory.time, clock: directory.clock(boot: "tomorrow"), logger: logger)
            #expect(try await later.members() == [])
            #expect(try await later.renew(lease, status: NodeStatus()) == false)
            #expect(try await later.owner(of: ann) == nil)
            let other = try await later.join(NodeDescription(name: "b", address: "b:1"), timeToLive: .seconds(5))
            let new = try await later.claim(ann, for: other)
            #expect(new == Ownership(node: "b", epoch: old.epoch + 1))
            try await later.close()
        }
    }

    @Test("the host's own clock goes on from one process to the next")
    func hostClock() throws {
        let (first, second) = (try HostClock.system(), try HostClock.system())
        #expect(first.boot == second.boot)
        let moments = [first.now(), second.now(), first.now()]
        #expect(moments == moments.sorted())
    }

    @Test("batches of the relay are dropped after seconds; who has not read them yet is told by the end of the sequence")
    func relayDropsOldBatches() async throws {
        try await StoreDirectory.with { directory in
            try await directory.withNodes(2) { nodes in
                let lease = try await nodes[0].join(NodeDescription(name: "a", address: "a:1"), timeToLive: .seconds(60))
                for _ in 0..<20 { try await nodes[0].send([1, 2, 3], from: "a") }
                directory.time.advance(by: .seconds(11))
                try await nodes[0].send([4], from: "a")
                #expect(try await nodes[0].renew(lease, status: NodeStatus()))
                let kept = try await nodes[1].read("count in") { db in try Int.fetchOne(db, sql: "SELECT count(*) FROM relay") }
                #expect(kept == 1)
                let late = try nodes[1].watch.addListener("b", after: 7)
                let error = await #expect(throws: StoreError.self) {
                    for try await _ in late {}
                }
                #expect(error?.message.contains("dropped before they were read") == true)
                let onTime = try nodes[1].watch.addListener("b", after: 20)
                var iterator = onTime.makeAsyncIterator()
                #expect(try await iterator.next() == [4])
            }
        }
    }

    @Test("a sign of life drops no more batches than take a moment")
    func signsOfLifeDropLittle() async throws {
        try await StoreDirectory.with { directory in
            let store = try await directory.open()
            let lease = try await store.join(NodeDescription(name: "a", address: "a:1"), timeToLive: .seconds(60))
            let batch = [UInt8](repeating: 7, count: 1 << 20)
            for _ in 0..<20 { try await store.send(batch, from: "a") }
            directory.time.advance(by: .seconds(11))
            var kept: [Int?] = []
            for _ in 0..<2 {
                #expect(try await store.renew(lease, status: NodeStatus()))
                kept.append(try await store.read("count in") { db in try Int.fetchOne(db, sql: "SELECT count(*) FROM relay") })
            }
            #expect(kept == [4, 0])
            try await store.close()
        }
    }

    @Test("what listens ends when the store is closed, and a closed store is not listened to")
    func listeningEnds() async throws {
        try await StoreDirectory.with { directory in
            let store = try await directory.open()
            let (rings, batches) = (try await store.doorbell(), try await store.batches(for: "a"))
            async let isOver: Void = {
                for try await _ in rings {}
                for try await _ in batches {}
            }()
            try await store.close()
            try await isOver
            for listen in [{ _ = try await store.doorbell() }, { _ = try await store.batches(for: "a") }] {
                let error = await #expect(throws: StoreError.self) { try await listen() }
                #expect(error?.code == .closed)
            }
        }
    }
}
