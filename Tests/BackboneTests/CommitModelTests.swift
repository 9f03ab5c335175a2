import Foundation
import RivuletBackbone
import RivuletSQLite
import RivuletSubscriptions
import RivuletTesting
import TestSupport
import Testing

/// Random batches against a plain model, looked at through the store, through the store opened anew, and through a copy of its
/// files as a crash would leave them.
@Suite("Commits against a model", .timeLimit(.minutes(2)))
struct CommitModelTests {
    /// What a store must hold, kept in the plainest way there is.
    private struct Model {
        struct Row {
            var version: UInt64 = 0
            var state: String?
            var lastEvent: UInt64 = 0
        }

        var rows: [ObjectID: Row] = [:]
        var streams: [String: [(object: ObjectID, previous: UInt64, payload: String)]] = [:]

        mutating func apply(_ turn: TurnCommit) -> (first: UInt64, previous: UInt64)? {
            var row = rows[turn.object] ?? Row()
            guard turn.ownerEpoch == 0, turn.expectedVersion == row.version else { return nil }
            let before = row.lastEvent
            let first = UInt64(streams[turn.object.kind, default: []].count + 1)
            for event in turn.events {
                streams[turn.object.kind, default: []]
                    .append((turn.object, row.lastEvent, String(decoding: event.payload, as: UTF8.self)))
                row.lastEvent = UInt64(streams[turn.object.kind, default: []].count)
            }
            row.version += 1
            if let state = turn.state { row.state = String(decoding: state, as: UTF8.self) }
            rows[turn.object] = row
            return (turn.events.isEmpty ? 0 : first, before)
        }
    }

    /// Turns that count: the state is the sum of the object's events, so that folding the events must give the state.
    private struct Batches {
        var random: SeededGenerator
        let objects = ["Counter", "Table"].flatMap { kind in (0..<4).map { ObjectID(kind: kind, id: "\($0)") } }

        mutating func next(after model: Model) throws -> [TurnCommit] {
            var model = model
            return try (0..<Int.random(in: 1...30, using: &random)).map { _ in
                let turn = try turn(after: model)
                _ = model.apply(turn)
                return turn
            }
        }

        private mutating func turn(after model: Model) throws -> TurnCommit {
            let object = objects.randomElement(using: &random) ?? objects[0]
            let row = model.rows[object] ?? Model.Row()
            var sum = row.state.flatMap { Int($0) } ?? 0
            let events = try (0..<[0, 0, 1, 1, 2, 5].randomElement(using: &random, or: 0)).map { _ in
                let amount = Int.random(in: -9...9, using: &random)
                sum += amount
                return NewEvent(subject: try Subject("evt.\(object.kind).\(object.id).Added"), payload: Array("\(amount)".utf8))
            }
            let isStale = Int.random(in: 0..<8, using: &random) == 0
            return TurnCommit(
                object: object, ownerEpoch: Int.random(in: 0..<16, using: &random) == 0 ? 1 : 0,
                expectedVersion: isStale ? row.version + UInt64.random(in: 1...2, using: &random) : row.version,
                state: events.isEmpty ? nil : Array("\(sum)".utf8), events: events)
        }
    }

    private func expect(_ store: any ObjectStore & EventLog, holds model: Model) async throws {
        for (object, row) in model.rows {
            let stored = try await store.load(object)
            #expect(stored.version == row.version)
            #expect(stored.state.map { String(decoding: $0, as: UTF8.self) } == row.state)
        }
        for (kind, wanted) in model.streams {
            let events = try await store.read(EventRead(stream: kind, from: 1, limit: .max, byteLimit: .max)).events
            #expect(events.map(\.sequence) == Array(0..<UInt64(wanted.count)).map { $0 + 1 })
            #expect(events.map(\.previous) == wanted.map(\.previous))
            #expect(events.map { String(decoding: $0.payload, as: UTF8.self) } == wanted.map(\.payload))
            for object in model.rows.keys where object.kind == kind {
                let pattern = try SubjectPattern("evt.\(kind).\(object.id).>")
                let own = try await store.read(EventRead(stream: kind, from: 1, matching: pattern, limit: .max, byteLimit: .max)).events
                let sum = own.reduce(0) { $0 + (Int(String(decoding: $1.payload, as: UTF8.self)) ?? 0) }
                let state = try await store.load(object).state.map { String(decoding: $0, as: UTF8.self) }
                #expect(own.isEmpty ? state == nil : state == "\(sum)")
            }
        }
    }

    private func run(
        seed: UInt64, batches count: Int, on store: any ObjectStore & EventLog, _ model: inout Model,
        after: (Model) async throws -> Void = { _ in }
    ) async throws {
        var batches = Batches(random: SeededGenerator(seed: seed))
        for kind in ["Counter", "Table"] { try await store.open(kind) }
        for _ in 0..<count {
            let batch = try batches.next(after: model)
            let outcomes = try await store.commit(batch)
            try #require(outcomes.count == batch.count)
            for (turn, outcome) in zip(batch, outcomes) {
                let wanted = model.apply(turn)
                switch outcome {
                case .fenced: #expect(wanted == nil)
                case .committed(let receipt):
                    #expect(wanted?.first == receipt.firstSequence)
                    #expect(wanted?.previous == receipt.previousSequence)
                }
            }
            try await after(model)
        }
        try await expect(store, holds: model)
    }

    @Test("the store in memory holds what the model holds", arguments: UInt64(1)...8)
    func memory(seed: UInt64) async throws {
        var model = Model()
        try await run(seed: seed, batches: 100, on: InMemoryBackbone(time: ManualTime()), &model)
    }

    @Test("the store in SQLite holds what the model holds, also when opened again and again", arguments: UInt64(1)...4)
    func sqlite(seed: UInt64) async throws {
        try await StoreDirectory.with { directory in
            var model = Model()
            for life in 0..<4 {
                let store = try await directory.open()
                try await expect(store, holds: model)
                try await run(seed: seed * 100 + UInt64(life), batches: 25, on: store, &model)
                try await store.close()
            }
        }
    }

    @Test("after each commit the files alone hold all of it, without the store being closed", arguments: UInt64(1)...2)
    func crash(seed: UInt64) async throws {
        try await StoreDirectory.with { directory in
            let store = try await directory.open()
            var (model, count) = (Model(), 0)
            try await run(seed: seed, batches: 30, on: store, &model) { model in
                count += 1
                guard count.isMultiple(of: 3) else { return }
                try await StoreDirectory.with { copy in
                    for suffix in ["", "-wal"] {
                        try FileManager.default.copyItem(atPath: directory.file + suffix, toPath: copy.file + suffix)
                    }
                    let survivor = try await copy.open()
                    try await expect(survivor, holds: model)
                    try await survivor.close()
                }
            }
            try await store.close()
        }
    }

    @Test("a log that breaks off anywhere gives a store that holds whole batches only")
    func tornLog() async throws {
        try await StoreDirectory.with { directory in
            let store = try await directory.open()
            var (model, states) = (Model(), [Model()])
            try await run(seed: 5, batches: 12, on: store, &model) { states.append($0) }
            let log = try Data(contentsOf: URL(fileURLWithPath: directory.file + "-wal"))
            let database = try Data(contentsOf: URL(fileURLWithPath: directory.file))
            try await store.close()

            var random = SeededGenerator(seed: 6)
            var seen: Set<Int> = []
            for _ in 0..<40 {
                try await StoreDirectory.with { copy in
                    try database.write(to: URL(fileURLWithPath: copy.file))
                    try log.prefix(Int.random(in: log.count / 2...log.count, using: &random))
                        .write(to: URL(fileURLWithPath: copy.file + "-wal"))
                    let survivor = try await copy.open()
                    for kind in ["Counter", "Table"] { try await survivor.open(kind) }
                    let turns = try await turns(in: survivor, of: model)
                    let batch = try #require(states.firstIndex { $0.rows.values.reduce(0) { $0 + $1.version } == turns })
                    seen.insert(batch)
                    try await expect(survivor, holds: states[batch])
                    try await survivor.close()
                }
            }
            #expect(seen.count > 2)
        }
    }

    private func turns(in store: any ObjectStore, of model: Model) async throws -> UInt64 {
        var turns: UInt64 = 0
        for object in model.rows.keys { turns += try await store.load(object).version }
        return turns
    }
}

extension Array {
    fileprivate func randomElement(using random: inout SeededGenerator, or other: Element) -> Element {
        randomElement(using: &random) ?? other
    }
}
