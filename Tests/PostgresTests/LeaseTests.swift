import RivuletBackbone
import RivuletPostgres
import RivuletSubscriptions
import RivuletTesting
import TestSupport
import Testing

@Suite("Leases in PostgreSQL", .timeLimit(.minutes(2)))
struct LeaseTests {
    @Test("a lease ends on the database's clock, whatever the node's says")
    func leases() async throws {
        try await TestDatabase.with { database in
            let store = try await database.open()
            let lease = try await store.join(NodeDescription(name: "a", address: "a:1"), timeToLive: .seconds(3600))
            database.time.jumpWall(to: Timestamp(nanoseconds: database.time.wallTime.nanoseconds + 36_000_000_000_000))
            database.time.advance(by: .seconds(36_000))
            #expect(try await store.renew(lease, status: NodeStatus()))
            let short = try await store.join(NodeDescription(name: "b", address: "b:1"), timeToLive: .milliseconds(50))
            try await until { try await store.members().map(\.node.name) == ["a"] }
            #expect(try await !store.renew(short, status: NodeStatus()))
        }
    }

    @Test("a node gives signs of life while all that it reads with waits for others")
    func signsOfLife() async throws {
        try await TestDatabase.with { database in
            let store = try await database.open { $0.timeout = .seconds(60) }
            let lease = try await store.join(NodeDescription(name: "a", address: "a:1"), timeToLive: .seconds(3600))
            try await database.withLocked(by: "LOCK TABLE rivulet.object_rows") {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for _ in 0..<20 { group.addTask { _ = try await store.load(ObjectID(kind: "Player", id: "ann")) } }
                    try await until { try await database.sessions("wait_event_type = 'Lock'") == 2 }
                    for _ in 0..<3 {
                        #expect(try await store.renew(lease, status: NodeStatus()))
                        #expect(try await store.members().map(\.node.name) == ["a"])
                    }
                    #expect(try await database.sessions("wait_event_type = 'Lock'") == 2)
                    try await database.unlock()
                    try await group.waitForAll()
                }
            }
        }
    }

    @Test("a node that leaves does not wait for leases of long ago that somebody else is about to delete")
    func leaveBesideAnother() async throws {
        try await TestDatabase.with { database in
            let store = try await database.open()
            let old = try await store.join(NodeDescription(name: "old", address: "old:1"), timeToLive: .seconds(5))
            let lease = try await store.join(NodeDescription(name: "own", address: "own:1"), timeToLive: .seconds(3600))
            try await database.execute("UPDATE rivulet.member_rows SET ends = now() - interval '2 days' WHERE name = 'old'")
            try await database.withLocked(by: "SELECT 1 FROM rivulet.member_rows WHERE name = 'old' FOR UPDATE") {
                try await store.leave(lease)
                #expect(try await database.execute("SELECT name FROM rivulet.member_rows") == "old")
            }
            try await store.leave(old)
            #expect(try await database.execute("SELECT count(*) FROM rivulet.member_rows") == "0")
        }
    }
}
