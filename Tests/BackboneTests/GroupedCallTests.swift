import Foundation
import GRDB
import RivuletBackbone
import RivuletSQLite
import RivuletSubscriptions
import TestSupport
import Testing

@Suite("Calls that wait for a SQLite file", .timeLimit(.minutes(1)))
struct GroupedCallTests {
    private func object(_ number: Int) -> ObjectID { ObjectID(kind: "Player", id: "\(number)") }

    /// Runs `body` while another program may write the file, until it calls what it is given.
    private func withLocked(_ directory: StoreDirectory, _ body: (_ unlock: @Sendable () async throws -> Void) async throws -> Void)
        async throws
    {
        var configuration = Configuration()
        configuration.allowsUnsafeTransactions = true
        let program = try DatabaseQueue(path: directory.file, configuration: configuration)
        try await program.writeWithoutTransaction { db in try db.execute(sql: "BEGIN IMMEDIATE") }
        try await body { try await program.writeWithoutTransaction { db in try db.execute(sql: "ROLLBACK") } }
        try program.close()
    }

    @Test("claims that come while one is on its way are one transaction, and so are objects that are given up")
    func areTogether() async throws {
        try await StoreDirectory.with { directory in
            let store = try await directory.open(busyTimeout: .seconds(50))
            let lease = try await store.join(NodeDescription(name: "a", address: "a:1"), timeToLive: .seconds(3600))
            let before = try commits(in: directory)
            let asked = Count()
            try await withLocked(directory) { unlock in
                try await withThrowingTaskGroup(of: Ownership.self) { group in
                    for number in 0..<250 {
                        group.addTask {
                            asked.increase()
                            return try await store.claim(object(number), for: lease)
                        }
                    }
                    try await until { asked.value == 250 }
                    try await unlock()
                    for try await owner in group { #expect(owner == Ownership(node: "a", epoch: 1)) }
                }
            }
            let claimed = try commits(in: directory)
            #expect((1...25).contains(claimed - before))
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<250 { group.addTask { try await store.release(object(number), Ownership(node: "a", epoch: 1)) } }
                try await group.waitForAll()
            }
            #expect(try await store.owner(of: object(249)) == nil)
            #expect(try commits(in: directory) - claimed < 250)
            try await store.close()
        }
    }

    @Test("one of many that cannot be had fails alone")
    func failsAlone() async throws {
        try await StoreDirectory.with { directory in
            let store = try await directory.open()
            let lease = try await store.join(NodeDescription(name: "a", address: "a:1"), timeToLive: .seconds(3600))
            let ended = NodeLease(node: "a", number: lease.number + 1)
            let failed = await withTaskGroup(of: (Int, StoreError)?.self) { group in
                for number in 0..<100 {
                    group.addTask {
                        do throws(StoreError) {
                            _ = try await store.claim(object(number), for: number == 50 ? ended : lease)
                            return nil
                        } catch {
                            return (number, error)
                        }
                    }
                }
                return await group.reduce(into: [(Int, StoreError)]()) { if let failure = $1 { $0.append(failure) } }
            }
            #expect(failed.map(\.0) == [50])
            #expect(failed.first?.1.code == .unavailable)
            try await store.close()
        }
    }

    @Test("while another program does not let go of the file, those who wait behind each other do not wait one after the other")
    func patience() async throws {
        try await StoreDirectory.with { directory in
            let store = try await directory.open(lockTimeout: .seconds(1), busyTimeout: .seconds(2))
            try await withLocked(directory) { unlock in
                let codes = await withTaskGroup(of: StoreError.Code?.self) { group in
                    for _ in 0..<60 {
                        group.addTask {
                            do throws(StoreError) {
                                try await store.send([1], from: "a")
                                return nil
                            } catch {
                                return error.code
                            }
                        }
                    }
                    return await group.reduce(into: []) { $0.append($1) }
                }
                #expect(codes == Array(repeating: .unavailable, count: 60))
                try await unlock()
            }
            try await store.send([1], from: "a")
            try await store.close()
        }
    }

    @Test("neither do the groups of those who claim objects")
    func patienceOfGroups() async throws {
        try await StoreDirectory.with { directory in
            let store = try await directory.open(lockTimeout: .milliseconds(100), busyTimeout: .seconds(3))
            let lease = try await store.join(NodeDescription(name: "a", address: "a:1"), timeToLive: .seconds(3600))
            try await withLocked(directory) { unlock in
                let start = ContinuousClock.now
                let codes = await withTaskGroup(of: StoreError.Code?.self) { group in
                    for number in 0..<2500 {
                        group.addTask {
                            do throws(StoreError) {
                                _ = try await store.claim(object(number), for: lease)
                                return nil
                            } catch {
                                return error.code
                            }
                        }
                    }
                    return await group.reduce(into: []) { $0.append($1) }
                }
                // One group after the other would take 30 s.
                #expect(ContinuousClock.now - start < .seconds(20))
                #expect(codes == Array(repeating: .unavailable, count: 2500))
                try await unlock()
            }
            #expect(try await store.claim(object(0), for: lease) == Ownership(node: "a", epoch: 1))
            try await store.close()
        }
    }

    /// How many transactions the log holds: SQLite marks the last page of each with the size of the database
    /// (https://www.sqlite.org/fileformat2.html#walformat).
    private func commits(in directory: StoreDirectory) throws -> Int {
        let log = Array(try Data(contentsOf: URL(fileURLWithPath: directory.file + "-wal")))
        let salt = log[16..<24]
        return stride(from: 32, to: log.count - 24, by: 4096 + 24)
            .prefix { log[($0 + 8)..<($0 + 16)] == salt }
            .count { log[($0 + 4)..<($0 + 8)] != [0, 0, 0, 0] }
    }
}
