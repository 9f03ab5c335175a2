import RivuletBackbone
import RivuletSubscriptions
import Testing

/// Turns of one object that count, so that what is stored shows which of them committed.
struct Turns: Sendable {
    let object: ObjectID

    init(_ id: String = "ann") {
        object = ObjectID(kind: "Player", id: id)
    }

    func turn(_ version: UInt64) -> TurnCommit {
        let event = NewEvent(subject: Subject(received: Array("evt.Player.\(object.id).Won".utf8)), payload: Array("\(version)".utf8))
        return TurnCommit(
            object: object, ownerEpoch: 0, expectedVersion: version, state: Array("{\"turns\":\(version + 1)}".utf8), events: [event])
    }

    /// What is stored are the turns 0 to `version` - 1, each once.
    func expect(_ version: UInt64, in store: any ObjectStore & EventLog) async throws {
        let stored = try await store.load(object)
        #expect(stored.version == version)
        #expect(stored.state.map { String(decoding: $0, as: UTF8.self) } == (version > 0 ? "{\"turns\":\(version)}" : nil))
        let pattern = try SubjectPattern("evt.Player.\(object.id).>")
        let page = try await store.read(EventRead(stream: "Player", from: 1, matching: pattern, limit: .max, byteLimit: .max))
        #expect(page.events.map { String(decoding: $0.payload, as: UTF8.self) } == (0..<version).map { "\($0)" })
        #expect(page.events.map(\.previous) == ([0] + page.events.map(\.sequence)).dropLast())
    }
}

extension TurnOutcome {
    var receipt: CommitReceipt? {
        if case .committed(let receipt) = self { receipt } else { nil }
    }
}
