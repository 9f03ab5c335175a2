import Logging
import RivuletBackbone
import RivuletPostgres
import RivuletSubscriptions
import Testing

@Suite("Opening a PostgreSQL store", .timeLimit(.minutes(5)))
struct PostgresOpeningTests {
    private func expectRefusal(
        _ code: StoreError.Code, _ words: String, at location: SourceLocation = #_sourceLocation, _ body: () async throws -> Void
    ) async {
        let error = await #expect(throws: StoreError.self, sourceLocation: location) { try await body() }
        #expect(error?.code == code, "\(error?.message ?? "")", sourceLocation: location)
        #expect(error?.message.contains(words) == true, "\(error?.message ?? "no error")", sourceLocation: location)
        #expect(error?.message.contains("se%") != true && error?.message.contains("cret") != true, sourceLocation: location)
        let cause = error?.cause.map { "\($0)" } ?? ""
        #expect(!cause.contains("cret"), sourceLocation: location)
    }

    private func open(_ url: String) async throws {
        let configuration = PostgresConfiguration(url: try PostgresURL(url))
        try await PostgresBackbone.open(configuration, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }).close()
    }

    @Test("many nodes that open an empty database at once make its tables once")
    func concurrentMigrations() async throws {
        try await TestDatabase.with { database in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<8 { group.addTask { _ = try await database.open() } }
                try await group.waitForAll()
            }
            #expect(try await database.execute("SELECT count(*) = max(number) FROM rivulet.migrations") == "t")
        }
    }

    @Test("stores in two schemas of one database do not see each other")
    func schemas() async throws {
        try await TestDatabase.with { database in
            let (first, second) = (try await database.open(), try await database.open { $0.schema = "Other_2" })
            for store in [first, second] { try await store.open("Player") }
            _ = try await first.commit([Turns().turn(0)])
            try await Turns().expect(1, in: first)
            try await Turns().expect(0, in: second)
            await expectRefusal(.unavailable, "cannot be the schema") { _ = try await database.open { $0.schema = "a'b" } }
        }
    }

    @Test("a schema that a newer version wrote is refused, and one that is another program's")
    func incompatible() async throws {
        try await TestDatabase.with { database in
            try await database.open().close()
            try await database.execute("INSERT INTO rivulet.migrations (number, name) VALUES (1000, 'of the future')")
            await expectRefusal(.incompatible, "newer version of Rivulet") { _ = try await database.open() }
            try await database.execute("CREATE SCHEMA other; CREATE TABLE other.objects (id int)")
            await expectRefusal(.incompatible, "not Rivulet's") { _ = try await database.open { $0.schema = "other" } }
        }
    }

    @Test("a user who may not make tables is told so")
    func rights() async throws {
        try await TestDatabase.with { database in
            let user = "guest_\(database.name)"
            try await database.execute("CREATE ROLE \(user) LOGIN PASSWORD 'cret'")
            await expectRefusal(.readOnly, "lacks a right") {
                try await open("postgres://\(user):cret@127.0.0.1:\(database.cluster.port)/\(database.name)")
            }
        }
    }

    @Test("a server that would lose commits is refused, unless that is accepted by name")
    func durability() async throws {
        let reckless = try await apart { try Cluster(options: ["fsync=off", "full_page_writes=off"]) }
        try await TestDatabase.with(on: reckless) { database in
            await expectRefusal(.unavailable, "fsync is off") { _ = try await database.open() }
            await expectRefusal(.unavailable, "full_page_writes is off") { _ = try await database.open { $0.acceptedRisks = [.fsync] } }
            _ = try await database.open { $0.acceptedRisks = [.fsync, .fullPageWrites] }
            try await database.execute("ALTER DATABASE \(database.name) SET synchronous_commit = off")
            await expectRefusal(.unavailable, "synchronous_commit is off") {
                _ = try await database.open { $0.acceptedRisks = [.fsync, .fullPageWrites] }
            }
        }
    }

    @Test("a store that a node has for itself is refused to a second one, until the first closes")
    func exclusive() async throws {
        try await TestDatabase.with { database in
            let first = try await database.open { $0.isExclusive = true }
            await expectRefusal(.inUse, "another node") {
                _ = try await database.open {
                    $0.isExclusive = true
                    $0.timeout = .seconds(1)
                }
            }
            await first.close()
            _ = try await database.open { $0.isExclusive = true }
        }
    }

    @Test("what cannot be reached is named without its password")
    func unreachable() async throws {
        let cluster = try await apart { try Cluster.shared.get() }
        await expectRefusal(.unavailable, "127.0.0.1:1/") { try await open("postgres://tester:se%25cret@127.0.0.1:1/x") }
        await expectRefusal(.unavailable, "nosuch") { try await open("\(cluster.url("nosuch"))?connect_timeout=10") }
        await expectRefusal(.unavailable, "password") { try await open("postgres://tester:wrongsecret@127.0.0.1:\(cluster.port)/postgres") }
        await expectRefusal(.unavailable, "authentication failed") {
            try await open("postgresql://127.0.0.1:\(cluster.port)/postgres?user=nobody&password=cret")
        }
    }

    @Test("connections are encrypted as the URL says")
    func encryption() async throws {
        let cluster = try await apart { try Cluster(isEncrypted: true) }
        let authority = "sslrootcert=\(Cluster.certificates)/authority.pem"
        try await open("\(cluster.url("postgres"))?sslmode=verify-full&\(authority)")
        await expectRefusal(.unavailable, "certificate verify failed") {
            try await open("\(cluster.url("postgres"))?sslmode=verify-full&sslrootcert=\(Cluster.certificates)/stranger.pem")
        }
        await expectRefusal(.unavailable, "no encryption") { try await open("\(cluster.url("postgres"))?sslmode=disable") }
    }

    @Test("a URL that cannot be read is not quoted")
    func unreadable() async throws {
        for url in [
            "postgres://tester:se@cret@127.0.0.1/x", "postgres://tester:se/cret@127.0.0.1/x", "mysql://tester:cret@127.0.0.1/x",
            "postgres://tester:cret@127.0.0.1:port/x", "postgres://tester:cret/x", "postgres://tester:cret",
            "postgres://tester:cret@[127.0.0.1/x", "postgres://tester:se%zzcret@127.0.0.1/x",
            "postgres://127.0.0.1/x?passwort=cret",
        ] {
            await expectRefusal(.unavailable, "URL") { try await open(url) }
        }
    }

    @Test("a URL in text shows no password")
    func redaction() throws {
        for (url, shown) in [
            ("postgres://ann:se%25cret@db.example:5433/game?sslmode=require", "postgres://ann@db.example:5433/game"),
            ("postgresql://db.example/game?user=ann&password=secret", "postgresql://db.example/game"),
            ("postgres://ann:12?3cret@db/game", "postgres://ann@db/game"), ("postgres://:secret@/game", "postgres://@/game"),
            ("postgres://", "postgres://"),
            ("postgres://ann@[::1]:5432,b:5432/game", "postgres://ann@[::1]:5432,b:5432/game"),
        ] {
            let configuration = PostgresConfiguration(url: try PostgresURL(url))
            #expect(configuration.url.description == shown)
            var dumped = ""
            dump(configuration, to: &dumped)
            for text in ["\(configuration)", String(reflecting: configuration), dumped] { #expect(!text.contains("cret"), "\(text)") }
        }
    }
}
