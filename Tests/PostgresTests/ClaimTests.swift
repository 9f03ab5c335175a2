import RivuletBackbone
import RivuletPostgres
import RivuletSubscriptions
import RivuletTesting
import Synchronization
import TestSupport
import Testing

@Suite("Claims of many objects in PostgreSQL", .timeLimit(.minutes(2)))
struct ClaimTests {
    private let first = ObjectID(kind: "Player", id: "first")

    private func object(_ number: Int) -> ObjectID { ObjectID(kind: "Player", id: "\(number)") }

    private let firstsRow = "SELECT 1 FROM rivulet.object_rows WHERE id = 'first' FOR UPDATE"

    private func makeFirst(_ store: PostgresBackbone, _ lease: NodeLease) async throws {
        try await store.release(first, try await store.claim(first, for: lease))
    }

    @Test("those that are asked for while one is on its way are claimed together")
    func areTogether() async throws {
        try await TestDatabase.with { database in
            let store = try await database.open { $0.timeout = .seconds(60) }
            let lease = try await store.join(NodeDescription(name: "a", address: "a:1"), timeToLive: .seconds(3600))
            try await makeFirst(store, lease)
            let asked = Count()
            try await database.withLocked(by: firstsRow) {
                try await withThrowingTaskGroup(of: Ownership.self) { group in
                    group.addTask { try await store.claim(first, for: lease) }
                    try await until { try await database.sessions("wait_event_type = 'Lock'") == 1 }
                    for number in 0..<1000 {
                        group.addTask {
                            asked.increase()
                            return try await store.claim(object(number), for: lease)
                        }
                    }
                    try await until { asked.value == 1000 }
                    try await database.unlock()
                    for try await owner in group { #expect(owner.node == "a") }
                }
            }
            // Each row names the transaction that wrote it.
            let transactions = try await database.execute("SELECT count(DISTINCT xmin::text) FROM rivulet.object_rows WHERE owner = 'a'")
            #expect(try #require(Int(transactions)) <= 10)
        }
    }

    @Test("an object whose row others hold on to fails by itself")
    func failsAlone() async throws {
        try await TestDatabase.with { database in
            let store = try await database.open { $0.timeout = .seconds(6) }
            let lease = try await store.join(NodeDescription(name: "a", address: "a:1"), timeToLive: .seconds(3600))
            try await makeFirst(store, lease)
            try await database.withLocked(by: firstsRow) {
                let failures = await withTaskGroup(of: (ObjectID, StoreError)?.self) { group in
                    for object in (0..<200).map(object) + [first] + (200..<400).map(object) {
                        group.addTask {
                            do throws(StoreError) {
                                _ = try await store.claim(object, for: lease)
                                return nil
                            } catch {
                                return (object, error)
                            }
                        }
                    }
                    return await group.reduce(into: [(ObjectID, StoreError)]()) { if let failure = $1 { $0.append(failure) } }
                }
                #expect(failures.map(\.0) == [first])
                #expect(failures.first?.1.code == .unavailable)
            }
            #expect(try await store.claim(first, for: lease).node == "a")
        }
    }

    @Test("an object that a living node has is found while its row is locked")
    func isFound() async throws {
        try await TestDatabase.with { database in
            let store = try await database.open()
            let lease = try await store.join(NodeDescription(name: "a", address: "a:1"), timeToLive: .seconds(3600))
            let owner = try await store.claim(first, for: lease)
            try await database.withLocked(by: firstsRow) {
                let found = try await store.claim(first, for: "a")
                #expect(found == owner)
            }
        }
    }

    @Test("a lease whose renewal is on its way to the disk is not taken for one that has ended")
    func slowRenewal() async throws {
        try await TestDatabase.with { database in
            let (store, other) = (
                try await database.open { $0.timeout = .seconds(60) }, try await database.open { $0.timeout = .seconds(60) }
            )
            let cluster = try await database.fixture(for: SeveralNodes(store, other))
            let lease = try await store.join(NodeDescription(name: "a", address: "a:1"), timeToLive: .seconds(10))
            let otherLease = try await other.join(NodeDescription(name: "b", address: "b:1"), timeToLive: .seconds(3600))
            _ = try await store.claim(first, for: lease)
            try await database.execute(
                """
                CREATE TABLE gate AS SELECT false AS is_open;
                CREATE FUNCTION wait_at_gate() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN
                    WHILE NOT (SELECT is_open FROM gate) LOOP PERFORM pg_sleep(0.01); END LOOP;
                    RETURN NULL;
                END
                $$;
                CREATE CONSTRAINT TRIGGER wait_at_gate AFTER UPDATE ON rivulet.member_rows DEFERRABLE INITIALLY DEFERRED
                FOR EACH ROW EXECUTE FUNCTION wait_at_gate();
                """)
            try await cluster.pass(.seconds(6))
            async let renewed = store.renew(lease, status: NodeStatus())
            try await until { try await database.sessions("wait_event = 'PgSleep'") == 1 }
            // Beyond what the lease had, and not beyond what it will have.
            try await cluster.pass(.seconds(5))
            let isAnswered = Atomic(false)
            @Sendable func claim() async throws -> String {
                defer { isAnswered.store(true, ordering: .relaxed) }
                return try await other.claim(first, for: otherLease).node
            }
            async let claimed = claim()
            try await until {
                if isAnswered.load(ordering: .relaxed) { return true }
                return try await database.sessions("wait_event_type = 'Lock'") == 1
            }
            try await database.execute("UPDATE gate SET is_open = true")
            let (isRenewed, owner) = try await (renewed, claimed)
            #expect(isRenewed == (owner == "a"))
            try await cluster.pass(.seconds(6))
            #expect(try await other.claim(first, for: otherLease).node == "b")
            #expect(try await !store.renew(lease, status: NodeStatus()))
        }
    }

    @Test("closing waits for the calls that are under way")
    func closing() async throws {
        try await TestDatabase.with { database in
            let store = try await database.open { $0.timeout = .seconds(60) }
            let lease = try await store.join(NodeDescription(name: "a", address: "a:1"), timeToLive: .seconds(3600))
            try await makeFirst(store, lease)
            try await database.withLocked(by: firstsRow) {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { _ = try await store.claim(first, for: lease) }
                    try await until { try await database.sessions("wait_event_type = 'Lock'") == 1 }
                    group.addTask { await store.close() }
                    try await database.unlock()
                    try await group.waitForAll()
                }
            }
            let error = await #expect(throws: StoreError.self) { _ = try await store.claim(first, for: lease) }
            #expect(error?.code == .closed)
        }
    }

    @Test("whoever closes at the same time waits, too")
    func closingAtOnce() async throws {
        try await TestDatabase.with { database in
            let store = try await database.open()
            let batches = try await store.batches(for: "a")
            _ = try await store.heads()
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<8 { group.addTask { await store.close() } }
            }
            for try await _ in batches {}
        }
    }
}
