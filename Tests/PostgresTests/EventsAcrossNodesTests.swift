import Logging
import RivuletBackbone
import RivuletBroker
import RivuletObjects
import RivuletPostgres
import RivuletSubscriptions
import Synchronization
import TestSupport
import Testing

@Suite("Durable events across nodes that share a PostgreSQL database", .timeLimit(.minutes(5)))
struct EventsAcrossNodesTests {
    private struct Win: Message { typealias Reply = Int }
    private struct Won: Event { var count: Int }

    private struct Player: ServiceObject {
        struct State: Codable, Sendable { var count = 0 }
        var state = State()
        static var handlers: Handlers<Self> {
            Handle(Win.self) { object, _, turn in
                object.state.count += 1
                turn.publish(Won(count: object.state.count))
                return object.state.count
            }
        }
    }

    private struct Delivery: Equatable {
        let sequence: String?
        let subject: String
        let payload: String
    }

    private static let sessions = "FROM pg_stat_activity WHERE datname = current_database()"
    /// Who has raised the head and inserted the event, and waits at the gate.
    private static let slow = "\(sessions) AND query LIKE '%commit_batch%' AND wait_event = 'PgSleep'"
    /// Who waits for that one's transaction.
    private static let behind = "\(sessions) AND query LIKE '%commit_batch%' AND wait_event_type = 'Lock'"

    /// Commits of the object `slow` wait at a gate before they end, and those of `bad` fail there.
    private func makeGate(_ database: TestDatabase) async throws {
        try await database.execute(
            """
            CREATE TABLE gate AS SELECT false AS is_open;
            CREATE FUNCTION wait_at_gate() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                WHILE NOT (SELECT is_open FROM gate) LOOP PERFORM pg_sleep(0.01); END LOOP;
                IF NEW.subject LIKE 'evt.Player.bad.%' THEN RAISE EXCEPTION 'not this one'; END IF;
                RETURN NULL;
            END
            $$;
            CREATE TRIGGER wait_at_gate AFTER INSERT ON rivulet.event_rows FOR EACH ROW
            WHEN (NEW.subject LIKE 'evt.Player.slow.%' OR NEW.subject LIKE 'evt.Player.bad.%') EXECUTE FUNCTION wait_at_gate();
            """)
    }

    private func open(_ isOpen: Bool, _ database: TestDatabase) async throws {
        try await database.execute("UPDATE gate SET is_open = \(isOpen)")
    }

    private func wait(_ database: TestDatabase, for condition: String) async throws {
        try await until { try await database.execute("SELECT count(*) \(condition)") == "1" }
    }

    @Test("slow transactions, rolled back ones and ended listeners lose nothing: a follower gets every event once, in order")
    func follower() async throws {
        try await TestDatabase.with { database in
            let (first, second) = (
                try await database.open { $0.timeout = .seconds(60) }, try await database.open { $0.timeout = .seconds(60) }
            )
            try await makeGate(database)
            let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            let broker = Broker(logger: quiet)
            let host = ObjectHost(hosting: [Player.self], bus: broker, store: second, log: second, logger: quiet)
            try await host.start()
            let seen = Mutex<[Delivery]>([])
            let following = try broker.attach(SubjectPattern("evt.Player.>"), queue: nil) { message in
                let delivery = Delivery(
                    sequence: message.headers[HeaderName.sequence], subject: "\(message.subject)",
                    payload: String(decoding: message.payload, as: UTF8.self))
                seen.withLock { $0.append(delivery) }
            }
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await host.run() }
                do {
                    for round in 0..<8 { try await run(round, database, first, host) }
                    let stored = try await first.read(EventRead(stream: "Player", from: 1, limit: .max, byteLimit: .max))
                    let expected = stored.events.map { event in
                        Delivery(
                            sequence: "\(event.sequence)", subject: "\(event.subject)",
                            payload: String(decoding: event.payload, as: UTF8.self))
                    }
                    #expect(stored.events.map(\.sequence) == Array(1...24))
                    try await until { seen.withLock { $0.count } >= expected.count }
                    #expect(seen.withLock { $0 } == expected)
                } catch {
                    await host.drain()
                    throw error
                }
                await host.drain()
                try await group.waitForAll()
            }
            following.cancel()
        }
    }

    /// The other node commits two events, one of them slowly, while this one commits one.
    private func run(_ round: Int, _ database: TestDatabase, _ other: PostgresBackbone, _ host: ObjectHost) async throws {
        try await open(false, database)
        try await withThrowingTaskGroup(of: Void.self) { group in
            if round % 4 == 3 {
                group.addTask {
                    let error = await #expect(throws: StoreError.self) { _ = try await other.commit([Turns("bad").turn(0)]) }
                    #expect(error?.message.contains("not this one") == true)
                }
                try await wait(database, for: Self.slow)
            }
            group.addTask {
                let outcome = try await other.commit([Turns("slow").turn(UInt64(round))])[0]
                #expect(outcome.receipt != nil)
            }
            if round % 4 != 3 { try await wait(database, for: Self.slow) }
            group.addTask {
                let count = try await host.object("Player", "here").ask(Win(), timeout: .seconds(60))
                #expect(count == round + 1)
            }
            try await wait(database, for: Self.behind)
            if round.isMultiple(of: 2) { try await database.endListeners() }
            if round % 4 == 1 {
                // What raised the head is rolled back; the one behind it commits first, and it is tried again.
                try await until { try await database.execute("SELECT count(pg_terminate_backend(pid)) \(Self.slow)") != "0" }
                try await wait(database, for: Self.slow)
            }
            try await open(true, database)
            try await group.waitForAll()
        }
        if round % 4 == 2 { try await database.endListeners() }
        #expect(try await other.commit([Turns("quick").turn(UInt64(round))])[0].receipt != nil)
    }
}
