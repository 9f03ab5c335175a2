import Foundation
import Logging
import RivuletBackbone
import RivuletSQLite
import RivuletSubscriptions
import RivuletTesting
import Testing

@Suite("SQLite's log is made longer ahead of its commits", .timeLimit(.minutes(1)))
struct LogReserveTests {
    private func turn(_ version: UInt64) throws -> TurnCommit {
        TurnCommit(
            object: ObjectID(kind: "Player", id: "ann"), ownerEpoch: 0, expectedVersion: version, state: nil,
            events: [NewEvent(subject: try Subject("evt.Player.ann.Won"), payload: Array("\(version)".utf8))])
    }

    private func length(of path: String) throws -> Int {
        try #require(try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int)
    }

    @Test func itGrowsInFewSteps() async throws {
        try await StoreDirectory.with { directory in
            let store = try await directory.open()
            try await store.open("Player")
            var lengths: [Int] = []
            for version in 0..<300 {
                _ = try await store.commit([try turn(UInt64(version))])
                lengths.append(try length(of: directory.file + "-wal"))
            }
            #expect(lengths == lengths.sorted())
            #expect(Set(lengths).count < 12)
            // Never more than what is in it, or a mebibyte.
            #expect((lengths.last ?? 0) < 8 << 20)
            try await store.close()
        }
    }

    @Test func itStaysBelowWhereItIsBegunAnew() async throws {
        try await StoreDirectory.with { directory in
            let store = try await SQLiteBackbone.open(
                SQLiteConfiguration(path: directory.file, checkpointPages: 50), time: directory.time,
                clock: directory.clock(boot: "today"), logger: .init(label: "test"))
            try await store.open("Player")
            for version in 0..<300 { _ = try await store.commit([try turn(UInt64(version))]) }
            #expect(try length(of: directory.file + "-wal") < 2 * 50 * 4200)
            #expect(try await store.read(EventRead(stream: "Player", from: 1, limit: .max)).events.count == 300)
            try await store.close()
        }
    }
}
