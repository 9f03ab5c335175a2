import Logging
import RivuletBackbone
import RivuletPostgres
import RivuletSubscriptions
import RivuletTesting
import Synchronization
import TestSupport
import Testing

/// What a store does when its database or the way there will not serve, and that it goes on without a restart when they do again.
@Suite("PostgreSQL store in trouble", .timeLimit(.minutes(5)))
struct PostgresTroubleTests {
    private let turns = Turns()

    @Test("a commit whose answer is lost is looked up, and acknowledged with the numbers that it got")
    func lostAnswer() async throws {
        try await TestDatabase.with { database in
            let proxy = try Proxy(to: database.cluster.port)
            defer { proxy.end() }
            let store = try await database.open(through: proxy.port)
            try await store.open("Player")
            let bob = Turns("bob")
            let first = try await store.commit([turns.turn(0), bob.turn(0)])
            for version: UInt64 in 1...5 {
                proxy.make(.loseAnswer, forRequestWith: "rivulet_commit")
                let outcomes = try await store.commit([turns.turn(version), bob.turn(version)])
                #expect(proxy.happened == Int(version))
                #expect(outcomes.map { $0.receipt?.firstSequence } == [2 * version + 1, 2 * version + 2])
                #expect(outcomes.map { $0.receipt?.previousSequence } == [2 * version - 1, 2 * version])
                #expect(outcomes.map { $0.receipt?.streamEpoch } == first.map { $0.receipt?.streamEpoch })
            }
            try await turns.expect(6, in: store)
            try await bob.expect(6, in: store)
        }
    }

    @Test("a commit that never reached the database is sent again, and commits once")
    func lostRequest() async throws {
        try await TestDatabase.with { database in
            let proxy = try Proxy(to: database.cluster.port)
            defer { proxy.end() }
            let store = try await database.open(through: proxy.port)
            try await store.open("Player")
            for version: UInt64 in 0..<5 {
                proxy.make(.loseRequest, forRequestWith: "rivulet_commit")
                #expect(try await store.commit([turns.turn(version)])[0].receipt?.firstSequence == version + 1)
                #expect(proxy.happened == Int(version) + 1)
            }
            try await turns.expect(5, in: store)
        }
    }

    @Test("a commit that the server still works on, after an idle day, is not fenced by itself when its connection is lost")
    func forgottenWriter() async throws {
        try await TestDatabase.with { database in
            let proxy = try Proxy(to: database.cluster.port)
            defer { proxy.end() }
            let store = try await database.open(through: proxy.port) { $0.timeout = .seconds(60) }
            try await store.open("Player")
            _ = try await store.commit([turns.turn(0)])
            try await database.execute("UPDATE rivulet.writer_rows SET seen = now() - interval '2 days'")
            try await database.withLocked(by: "SELECT 1 FROM rivulet.object_rows FOR UPDATE") {
                proxy.make(.loseConnection, forRequestWith: "rivulet_commit")
                async let commit = store.commit([turns.turn(1)])
                // The one that is lost, and the next.
                try await until { try await database.sessions("wait_event_type = 'Lock' AND query LIKE '%commit_batch%'") == 2 }
                try await database.unlock()
                #expect(try await commit[0].receipt?.firstSequence == 2)
            }
            try await turns.expect(2, in: store)
        }
    }

    @Test("connections that are ended while they commit lose and duplicate nothing")
    func killedSessions() async throws {
        try await TestDatabase.with { database in
            let store = try await database.open()
            try await store.open("Player")
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    for version: UInt64 in 0..<200 {
                        let outcome = try await store.commit([turns.turn(version)])[0]
                        #expect(outcome.receipt?.firstSequence == version + 1)
                    }
                }
                group.addTask {
                    while !Task.isCancelled {
                        try await database.execute(
                            """
                            SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                            WHERE datname = '\(database.name)' AND application_name = 'rivulet' AND query LIKE '%commit_batch%'
                            """)
                    }
                }
                try await group.next()
                group.cancelAll()
            }
            try await turns.expect(200, in: store)
        }
    }

    @Test("when the server dies, calls fail in time, nothing acknowledged is lost, and the store goes on when it is back")
    func serverDies() async throws {
        let cluster = try await apart { try Cluster() }
        try await TestDatabase.with(on: cluster) { database in
            let store = try await database.open { $0.timeout = .seconds(1) }
            let batches = try await store.batches(for: "b")
            try await store.open("Player")
            var version: UInt64 = 0
            for _ in 0..<3 {
                for _ in 0..<20 {
                    #expect(try await store.commit([turns.turn(version)])[0].receipt != nil)
                    version += 1
                }
                try await apart { cluster.killAll() }
                let start = ContinuousClock.now
                let commit = await #expect(throws: StoreError.self) { _ = try await store.commit([turns.turn(version)]) }
                #expect(commit?.code == .unavailable || commit?.code == .unknownOutcome, "\(commit?.message ?? "")")
                let load = await #expect(throws: StoreError.self) { _ = try await store.load(turns.object) }
                #expect(load?.code == .unavailable)
                await #expect(throws: StoreError.self) { try await store.send([1], from: "a") }
                #expect(ContinuousClock.now - start < .seconds(10))
                try await apart { try cluster.start() }
                try await until { (try? await store.load(turns.object)) != nil }
                try await turns.expect(version, in: store)
            }
            try await until { (try? await store.send([7], from: "a")) != nil }
            var iterator = batches.makeAsyncIterator()
            #expect(try await iterator.next() == [7])
        }
    }

    @Test("whenever the server dies, a commit is there if it was acknowledged, and is not if it failed for sure")
    func serverDiesWhileCommitting() async throws {
        let cluster = try await apart { try Cluster() }
        try await TestDatabase.with(on: cluster) { database in
            let store = try await database.open { $0.timeout = .seconds(2) }
            try await store.open("Player")
            let over = Flag()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    for round in 0..<5 {
                        try await Task.sleep(for: .milliseconds(100 + 77 * round))
                        try await apart { cluster.killAll() }
                        if round.isMultiple(of: 2) { try await Task.sleep(for: .seconds(3)) }
                        try await apart { try cluster.start() }
                    }
                    over.raise()
                }
                var version: UInt64 = 0
                while !over.isRaised { version = try await commitUntilFailure(store, from: version, over) }
                try await group.waitForAll()
                try await turns.expect(version, in: store)
            }
        }
    }

    private final class Flag: Sendable {
        private let raised = Mutex(false)
        var isRaised: Bool { raised.withLock { $0 } }
        func raise() { raised.withLock { $0 = true } }
    }

    /// - Returns: The version that is stored afterwards.
    private func commitUntilFailure(_ store: PostgresBackbone, from start: UInt64, _ over: Flag) async throws -> UInt64 {
        var version = start
        while !over.isRaised {
            do throws(StoreError) {
                let outcome = try await store.commit([turns.turn(version)])[0]
                #expect(outcome.receipt?.firstSequence == version + 1)
                version += 1
            } catch {
                var stored: UInt64?
                try await until {
                    stored = try? await store.load(turns.object).version
                    return stored != nil
                }
                #expect(stored == version || (error.code == .unknownOutcome && stored == version + 1), "\(error)")
                return stored ?? version
            }
        }
        return version
    }

    @Test("when the server answers nobody, calls fail in time, and the store goes on when it does again")
    func serverFreezes() async throws {
        let cluster = try await apart { try Cluster() }
        try await TestDatabase.with(on: cluster) { database in
            let store = try await database.open { $0.timeout = .seconds(1) }
            try await store.open("Player")
            _ = try await store.commit([turns.turn(0)])
            _ = try await store.load(turns.object)
            let thaw = try await apart { cluster.freeze() }
            let start = ContinuousClock.now
            let commit = await #expect(throws: StoreError.self) { _ = try await store.commit([turns.turn(1)]) }
            #expect(commit?.code == .unknownOutcome)
            for _ in 0..<3 {
                let load = await #expect(throws: StoreError.self) { _ = try await store.load(turns.object) }
                #expect(load?.code == .unavailable)
            }
            #expect(ContinuousClock.now - start < .seconds(15))
            thaw()
            try await until { (try? await store.load(turns.object)) != nil }
            // What could not be told is one or the other, and stays so.
            var version: UInt64 = 0
            try await until {
                guard let found = try? await store.load(turns.object).version,
                    let outcome = try? await store.commit([turns.turn(found)])[0]
                else { return false }
                version = found + 1
                return outcome != .fenced
            }
            try await turns.expect(version, in: store)
        }
    }

    @Test("a lock that others hold fails a commit in time, with nothing of it committed")
    func lockedByOthers() async throws {
        try await TestDatabase.with { database in
            let store = try await database.open { $0.timeout = .seconds(1) }
            try await store.open("Player")
            _ = try await store.commit([turns.turn(0)])
            try await database.withLocked(by: "SELECT 1 FROM rivulet.object_rows FOR UPDATE") {
                let error = await #expect(throws: StoreError.self) { _ = try await store.commit([turns.turn(1)]) }
                #expect(error?.code == .unavailable, "\(error?.message ?? "")")
            }
            #expect(try await store.commit([turns.turn(1)])[0].receipt?.firstSequence == 2)
            try await turns.expect(2, in: store)
        }
    }

    @Test("a full disk fails commits with `full`, leaves nothing of them, and the store goes on when there is room")
    func fullDisk() async throws {
        try await TestDatabase.with { database in
            let mounted = try await SmallDisk.with(kibibytes: 8192, owner: "postgres") { disk in
                // The tables alone lie there: a server that cannot write its log ends.
                try await database.execute("CREATE TABLESPACE \(database.name) LOCATION '\(disk.path)'")
                try await database.execute("ALTER DATABASE \(database.name) SET default_tablespace = \(database.name)")
                let store = try await database.open()
                try await store.open("Player")
                _ = try await store.commit([turns.turn(0)])
                try disk.fill()
                var version: UInt64 = 1
                var failure: StoreError?
                while failure == nil {
                    do throws(StoreError) {
                        let state = Array("\"\(String(repeating: "x", count: 1000))\"".utf8)
                        let others = (0..<50).map { number in
                            TurnCommit(
                                object: ObjectID(kind: "Big", id: "\(version)-\(number)"), ownerEpoch: 0, expectedVersion: 0, state: state)
                        }
                        _ = try await store.commit([turns.turn(version)] + others)
                        version += 1
                    } catch {
                        failure = error
                    }
                }
                #expect(failure?.code == .full, "\(failure?.message ?? "")")
                try await turns.expect(version, in: store)
                try disk.empty()
                _ = try await store.commit([turns.turn(version)])
                try await turns.expect(version + 1, in: store)
                await store.close()
                try await database.execute("DROP SCHEMA rivulet CASCADE")
                try await database.execute("DROP TABLESPACE \(database.name)")
            }
            if !mounted { print("not run: no file system can be mounted here") }
        }
    }

    @Test("batches of many nodes that name the same objects in any order wait for each other, never in a circle")
    func noDeadlocks() async throws {
        try await TestDatabase.with { database in
            let stores = [try await database.open(), try await database.open(), try await database.open()]
            for kind in ["A", "B"] { try await stores[0].open(kind) }
            let objects = ["A", "B"].flatMap { kind in (0..<4).map { ObjectID(kind: kind, id: "\($0)") } }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (number, store) in stores.enumerated() {
                    group.addTask {
                        var random = SeededGenerator(seed: UInt64(number))
                        for _ in 0..<60 {
                            var batch: [TurnCommit] = []
                            for object in objects.shuffled(using: &random).prefix(5) {
                                let version = try await store.load(object).version
                                let event = NewEvent(subject: try Subject("evt.\(object.kind).\(object.id).E"), payload: Array("1".utf8))
                                batch.append(
                                    TurnCommit(object: object, ownerEpoch: 0, expectedVersion: version, state: nil, events: [event]))
                            }
                            _ = try await store.commit(batch)
                        }
                    }
                }
                try await group.waitForAll()
            }
            var committed: UInt64 = 0
            for object in objects { committed += try await stores[0].load(object).version }
            let last = try await (stores[0].open("A").last, stores[1].open("B").last)
            #expect(last.0 + last.1 == committed)
            #expect(try await database.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = '\(database.name)'") == "0")
        }
    }

    @Test("a listener whose connection is ended catches up")
    func listenerKilled() async throws {
        try await TestDatabase.with { database in
            let (sender, receiver) = (try await database.open(), try await database.open())
            var iterator = try await receiver.batches(for: "b").makeAsyncIterator()
            for number in UInt8(0)..<20 {
                try await database.endListeners()
                try await sender.send([number], from: "a")
                #expect(try await iterator.next() == [number])
            }
        }
    }

    @Test("where notifications do not come through, batches do, and that is said once")
    func noNotifications() async throws {
        try await TestDatabase.with { database in
            let proxy = try Proxy(to: database.cluster.port)
            defer { proxy.end() }
            proxy.dropNotifications()
            let log = LogLines()
            let receiver = try await database.open(logger: Logger(label: "test") { _ in log }, through: proxy.port)
            let sender = try await database.open()
            var iterator = try await receiver.batches(for: "b").makeAsyncIterator()
            var number: UInt8 = 0
            while log.lines.all.count < 2, number < 250 {
                try await sender.send([number], from: "a")
                #expect(try await iterator.next() == [number])
                number += 1
                try await Task.sleep(for: .milliseconds(50))
            }
            try await sender.send([255], from: "a")
            #expect(try await iterator.next() == [255])
            #expect(log.lines.all.filter { $0.contains("notifications do not come through") }.count == 1)
        }
    }

    @Test(
        "where LISTEN is refused, or NOTIFY too, batches and bells come, and that is said once",
        arguments: [["LISTEN"], ["LISTEN", "pg_notify"]])
    func refusedNotifications(unknown: [String]) async throws {
        try await TestDatabase.with { database in
            let proxy = try Proxy(to: database.cluster.port)
            defer { proxy.end() }
            proxy.makeUnknown(unknown)
            let log = LogLines()
            let receiver = try await database.open(logger: Logger(label: "test") { _ in log }, through: proxy.port)
            let sender = try await database.open(through: proxy.port)
            var batches = try await receiver.batches(for: "b").makeAsyncIterator()
            var rings = try await receiver.doorbell().makeAsyncIterator()
            try await sender.open("Player")
            for number in UInt8(0)..<20 {
                try await sender.send([number], from: "a")
                #expect(try await batches.next() == [number])
                _ = try await sender.commit([turns.turn(UInt64(number))])
                for _ in 0..<2 { try #require(try await rings.next() != nil) }
            }
            try await database.endListeners()
            try await sender.send([255], from: "a")
            #expect(try await batches.next() == [255])
            #expect(log.lines.all.filter { $0.contains("notifications do not come through") }.count == 1)
        }
    }

    @Test("a reader whose batches were dropped before it read them is told by the end of the sequence")
    func droppedBatches() async throws {
        try await TestDatabase.with { database in
            let (sender, receiver) = (try await database.open(), try await database.open())
            let batches = try await receiver.batches(for: "b")
            try await sender.send([1], from: "a")
            var iterator = batches.makeAsyncIterator()
            #expect(try await iterator.next() == [1])
            // In one step with what is dropped, so that it is never seen.
            try await database.execute(
                "BEGIN; SELECT rivulet.relay_send('a', 'x', 'e'); SELECT rivulet.relay_drop('0 s'); SELECT rivulet.relay_send('a', 'y', 'e'); COMMIT"
            )
            await #expect(throws: StoreError.self) { _ = try await iterator.next() }
            var again = try await receiver.batches(for: "b").makeAsyncIterator()
            try await sender.send([2], from: "a")
            #expect(try await again.next() == [2])
        }
    }
}
