import RivuletBackbone
import RivuletObjects
import RivuletTesting
import Testing

/// Reads by a pattern that seldom matches, of a stream that one look of the store does not get through.
@Suite(.timeLimit(.minutes(2))) struct StreamReaderTests {
    private let object = ObjectID(kind: "Counter", id: "a")
    private let store = StallingStore()
    private let replies = Replies()

    /// Commits 60,000 times Added, then Rare.
    private func fill() async throws {
        _ = try await store.open("Counter")
        let added = NewEvent(subject: try Subject("evt.Counter.a.Added"), payload: Array("1".utf8))
        let rare = NewEvent(subject: try Subject("evt.Counter.a.Rare"), payload: Array("2".utf8))
        let events = Array(repeating: added, count: 60_000) + [rare]
        _ = try await store.commit([TurnCommit(object: object, ownerEpoch: 0, expectedVersion: 0, state: nil, events: events)])
    }

    private func read(_ request: StreamReadRequest, at node: TestNode, _ done: (BusMessage) -> Bool) async throws -> [BusMessage] {
        let answers = try node.bus.subscribe(SubjectPattern("answers"))
        let subject = try StreamRead.subject(stream: "Counter")
        try node.bus.publish(BusMessage(subject: subject, reply: Subject("answers"), payload: JSONPayload.encode(request)))
        var messages: [BusMessage] = []
        for try await message in answers {
            messages.append(message)
            if done(message) { break }
        }
        return messages
    }

    @Test func aBatchIsLookedForUntilSomethingIsFound() async throws {
        try await fill()
        try await withNode(hosting: Counter.self, store: store) { node in
            let request = StreamReadRequest(subject: "evt.Counter.*.Rare", batch: 10)
            let messages = try await read(request, at: node) { $0.headers.status == 204 }
            #expect(messages.map(\.headers[HeaderName.sequence]) == ["60001", nil])
            #expect(messages.last?.headers[HeaderName.lastSequence] == "60001")
            #expect(messages.last?.headers[HeaderName.pending] == "0")
        }
    }

    @Test func aBatchThatTakesLongSaysHowFarItCame() async throws {
        try await fill()
        try await withNode(hosting: Counter.self, store: store) { node in
            await store.beforeReads { node.clock.skip(.seconds(2)) }
            let request = StreamReadRequest(subject: "evt.Counter.*.Rare", batch: 10)
            let messages = try await read(request, at: node) { $0.headers.status == 204 }
            #expect(messages.map(\.headers[HeaderName.lastSequence]) == ["50000"])
            #expect(messages.map(\.headers[HeaderName.pending]) == ["1"])
            let next = StreamReadRequest(sequence: 50_001, subject: "evt.Counter.*.Rare", batch: 10)
            let rest = try await read(next, at: node) { $0.headers.status == 204 }
            #expect(rest.map(\.headers[HeaderName.sequence]) == ["60001", nil])
        }
    }

    @Test func whatIsNotABatchIsLookedForHoweverLongItTakes() async throws {
        try await fill()
        try await withNode(hosting: Counter.self, store: store) { node in
            await store.beforeReads { node.clock.skip(.seconds(2)) }
            let found = try await read(StreamReadRequest(subject: "evt.Counter.*.Rare"), at: node) { _ in true }
            #expect(found.map(\.headers[HeaderName.sequence]) == ["60001"])
            let nothing = try await read(StreamReadRequest(subject: "evt.Counter.*.Never"), at: node) { _ in true }
            #expect(nothing.map(\.headers.status) == [404])
        }
    }
}
