import RivuletBackbone
import RivuletPostgres
import RivuletSubscriptions
import RivuletTesting
import TestSupport
import Testing

/// The same random batches for PostgreSQL, through several nodes, and for the store in memory, which must agree on everything.
@Suite("PostgreSQL against the reference", .timeLimit(.minutes(5)))
struct ReferenceTests {
    private static let kinds = ["Counter", "Table"]
    private let objects = kinds.flatMap { kind in (0..<3).map { ObjectID(kind: kind, id: "\($0)") } }

    /// Turns that often miss the version or the epoch, and name an object more than once.
    private func batch(
        _ versions: [ObjectID: UInt64], _ owners: [ObjectID: UInt64], _ time: ManualTime, _ random: inout SeededGenerator
    ) throws -> [TurnCommit] {
        var versions = versions
        return try (0..<Int.random(in: 1...14, using: &random)).map { _ in
            let object = objects[Int.random(in: objects.indices, using: &random)]
            let version = versions[object, default: 0]
            let (isStale, isForeign) = (Int.random(in: 0..<5, using: &random) == 0, Int.random(in: 0..<10, using: &random) == 0)
            let number = Int.random(in: 0...99, using: &random)
            let events = try (0..<Int.random(in: 0...3, using: &random)).map { event in
                NewEvent(subject: try Subject("evt.\(object.kind).\(object.id).E\(event)"), payload: Array("\(number)".utf8))
            }
            let reply = StoredReply(
                messageID: "m\(number % 7)", payload: [UInt8(number)],
                expires: Timestamp(nanoseconds: time.steadyTime.nanoseconds + Int64(number) * 1_000_000_000))
            if !isStale, !isForeign { versions[object] = version + 1 }
            return TurnCommit(
                object: object, ownerEpoch: owners[object, default: 0] + (isForeign ? 1 : 0),
                expectedVersion: isStale ? UInt64.random(in: 0...version + 2, using: &random) : version,
                state: number % 3 == 0 ? nil : Array("{\"number\":\(number)}".utf8), events: events, reply: number % 4 == 0 ? reply : nil)
        }
    }

    @Test("outcomes, states, records and events are the same", arguments: UInt64(1)...6)
    func agrees(seed: UInt64) async throws {
        try await TestDatabase.with { database in
            let nodes = SeveralNodes(try await database.open(), try await database.open())
            let reference = InMemoryBackbone(time: database.time)
            for kind in Self.kinds {
                try await nodes.open(kind)
                try await reference.open(kind)
            }
            var random = SeededGenerator(seed: seed)
            var (versions, owners): ([ObjectID: UInt64], [ObjectID: UInt64]) = ([:], [:])
            for round in 0..<40 {
                if round % 8 == 7 {
                    let (node, object) = ("node\(round)", objects[Int.random(in: objects.indices, using: &random)])
                    for store in [nodes, reference] as [any Membership & Directory] {
                        let lease = try await store.join(NodeDescription(name: node, address: "a:1"), timeToLive: .seconds(3600))
                        let ownership = try await store.claim(object, for: lease)
                        try await store.release(object, ownership)
                        owners[object] = ownership.epoch
                    }
                }
                let batch = try batch(versions, owners, database.time, &random)
                #expect(try await plain(nodes.commit(batch)) == plain(reference.commit(batch)))
                for object in objects {
                    let (stored, wanted) = (try await nodes.load(object), try await reference.load(object))
                    #expect(stored == wanted)
                    versions[object] = wanted.version
                }
                database.time.advance(by: .seconds(1))
            }
            for kind in Self.kinds {
                let request = EventRead(stream: kind, from: 1, limit: .max, byteLimit: .max)
                #expect(try await nodes.read(request).events == reference.read(request).events)
            }
        }
    }

    /// Without the epochs of streams, which are random.
    private func plain(_ outcomes: [TurnOutcome]) -> [TurnOutcome] {
        outcomes.map { outcome in
            guard var receipt = outcome.receipt else { return outcome }
            if !receipt.streamEpoch.isEmpty { receipt.streamEpoch = "some" }
            return .committed(receipt)
        }
    }
}
