import RivuletBackbone
import RivuletPostgres
import RivuletSubscriptions
import Testing

/// What the tables hold.
@Suite("What PostgreSQL stores", .timeLimit(.minutes(2)))
struct StoredTests {
    private let turns = Turns()

    @Test("names that look the same and are not are different ones")
    func similarNames() async throws {
        try await TestDatabase.with { database in
            let store = try await database.open()
            let batch = try ["Caf\u{e9}", "Cafe\u{301}"].map { kind in
                let object = ObjectID(kind: kind, id: "1")
                let event = NewEvent(subject: try Subject("evt.\(kind).1.Left"), payload: Array("1".utf8))
                return TurnCommit(object: object, ownerEpoch: 0, expectedVersion: 0, state: nil, events: [event])
            }
            for turn in batch { try await store.open(turn.object.kind) }
            #expect(try await store.commit(batch).map { $0.receipt?.firstSequence } == [1, 1])
        }
    }

    @Test("names that no index can hold are refused by themselves")
    func longNames() async throws {
        try await TestDatabase.with { database in
            let store = try await database.open()
            let long = ObjectID(kind: "Player", id: String(repeating: "x", count: 3000))
            let error = await #expect(throws: StoreError.self) { _ = try await store.load(long) }
            #expect(error?.code == .incompatible)
        }
    }

    @Test("objects and events can be asked for in SQL, also those that hold what jsonb cannot")
    func views() async throws {
        try await TestDatabase.with { database in
            let store = try await database.open()
            try await store.open("Player")
            _ = try await store.commit([turns.turn(0)])
            let odd = ObjectID(kind: "Player", id: "a.b")
            let state = "{\"chips\":-0.0,\"name\":\"\\u0000\"}"
            let event = NewEvent(subject: try Subject("evt.Player.a%2Eb.Left"), payload: Array("{\"why\":\"\\u0000\"}".utf8))
            _ = try await store.commit([
                TurnCommit(object: odd, ownerEpoch: 0, expectedVersion: 0, state: Array(state.utf8), events: [event])
            ])
            #expect(try await store.load(odd).state.map { String(decoding: $0, as: UTF8.self) } == state)
            #expect(try await database.execute("SELECT state->>'turns' FROM rivulet.objects WHERE kind = 'Player' AND id = 'ann'") == "1")
            #expect(
                try await database.execute("SELECT kind, id, event, sequence, previous, payload FROM rivulet.events ORDER BY sequence")
                    == "Player|ann|Won|1|0|0\nPlayer|a%2Eb|Left|2|0|{\"why\": \"\u{FFFD}\"}")
        }
    }
}
