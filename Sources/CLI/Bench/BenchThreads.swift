import Foundation
import Synchronization

/// Runs bodies that block, each on a thread of its own, and returns what they return, in order.
enum BenchThreads {
    static func run<Result: Sendable>(_ bodies: [@Sendable () throws -> Result]) async throws -> [Result] {
        try await withThrowingTaskGroup(of: (Int, Result).self) { group in
            for (index, body) in bodies.enumerated() {
                group.addTask { (index, try await onThread(body)) }
            }
            var results: [(Int, Result)] = []
            for try await result in group { results.append(result) }
            return results.sorted { $0.0 < $1.0 }.map(\.1)
        }
    }

    static func onThread<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            let thread = Thread { continuation.resume(with: Swift.Result { try body() }) }
            thread.stackSize = 1 << 20
            thread.start()
        }
    }
}

/// How far publishers and subscribers are, for both to see.
final class BenchProgress: Sendable {
    private let sent = Atomic(0)
    private let received = Atomic(0)
    private let finished = Atomic(0)
    private let isBroken = Atomic(false)

    var hasFailed: Bool { isBroken.load(ordering: .relaxed) }
    /// Messages published; final when `publishersDone` is the number of publishers.
    var published: Int { sent.load(ordering: .acquiring) }
    var publishersDone: Int { finished.load(ordering: .acquiring) }

    func publish(_ count: Int) { sent.wrappingAdd(count, ordering: .releasing) }
    func publisherIsDone() { finished.wrappingAdd(1, ordering: .releasing) }
    /// The slowest subscriber has this many.
    func slowest(_ count: Int) { received.store(count, ordering: .relaxed) }
    func fail() { isBroken.store(true, ordering: .relaxed) }

    /// Waits until the slowest subscriber is at most `window` messages behind.
    func waitForRoom(_ window: Int) throws {
        while sent.load(ordering: .relaxed) - received.load(ordering: .relaxed) > window {
            if hasFailed { throw BenchError("a subscriber failed") }
            BenchSocket.pause(microseconds: 50)
        }
    }
}
