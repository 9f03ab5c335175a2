import Foundation
import RivuletBackbone
import Synchronization
import Testing

@testable import RivuletSQLite

@Suite("The lock on a store's file", .timeLimit(.minutes(2)))
struct FileLockTests {
    private final class Turns: Sendable {
        let begun = Atomic(0)
        let isOver = Atomic(false)
    }

    private func lock(in directory: StoreDirectory) -> FileLock {
        FileLock(path: directory.file + ".lock", of: directory.file, patience: .seconds(60))
    }

    /// The descriptor of a file that this test has locked.
    private func occupy(_ path: String) throws -> CInt {
        let descriptor = open(path, O_RDWR | O_CREAT, 0o644)
        try #require(descriptor >= 0 && flock(descriptor, LOCK_EX | LOCK_NB) == 0)
        return descriptor
    }

    /// As long as a quick commit takes.
    private static func work() {
        let end = ContinuousClock.now + .microseconds(500)
        while ContinuousClock.now < end {}
    }

    @Test("who takes it again and again lets others have it in between")
    func turns() async throws {
        try await StoreDirectory.with { directory in
            let (greedy, modest) = (lock(in: directory), lock(in: directory))
            let turns = Turns()
            async let greed: Void = onThread {
                while !turns.isOver.load(ordering: .relaxed) {
                    try greedy.hold(for: "test", until: greedy.deadline) {
                        turns.begun.add(1, ordering: .relaxed)
                        Self.work()
                    }
                }
            }
            let waited = try await onThread {
                defer { turns.isOver.store(true, ordering: .relaxed) }
                return try (0..<21).map { _ in
                    // Else this one would be the one that takes it again at once.
                    let last = turns.begun.load(ordering: .relaxed)
                    while turns.begun.load(ordering: .relaxed) == last { sched_yield() }
                    let before = turns.begun.load(ordering: .relaxed)
                    return try modest.hold(for: "test", until: modest.deadline) { turns.begun.load(ordering: .relaxed) - before }
                }
            }
            try await greed
            // A busy machine may have kept the one who waits from getting to the gate, but not again and again.
            #expect(waited.sorted()[waited.count / 2] < 4, "turns of the other one: \(waited)")
        }
    }

    @Test("who stays at the gate delays others, and keeps nobody out")
    func stayingAtTheGate() async throws {
        try await StoreDirectory.with { directory in
            let gate = try occupy(directory.file + ".lock.next")
            defer { close(gate) }
            let locks = [lock(in: directory), lock(in: directory)]
            try locks[0].hold(for: "test", until: .now) {}
            try await withThrowingTaskGroup(of: Void.self) { group in
                for lock in locks {
                    group.addTask {
                        try await onThread {
                            for _ in 0..<20 { try lock.hold(for: "test", until: lock.deadline, Self.work) }
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test("the gate is free while somebody has the lock, and after somebody has waited in vain")
    func leavingTheGate() async throws {
        try await StoreDirectory.with { directory in
            let lock = lock(in: directory)
            let occupyGate = { close(try occupy(directory.file + ".lock.next")) }
            _ = try lock.hold(for: "test", until: .now, occupyGate)
            let other = try occupy(directory.file + ".lock")
            defer { close(other) }
            let error = #expect(throws: StoreError.self) { try lock.hold(for: "test", until: .now) {} }
            #expect(error?.code == .unavailable)
            _ = try occupyGate()
        }
    }
}
