import Foundation
import RivuletBackbone
import RivuletSubscriptions
import Synchronization
import Testing

@testable import RivuletPostgres

@Suite("Calls that wait for a connection", .timeLimit(.minutes(1)))
struct ConnectionPoolTests {
    @Test("each is given up at its deadline, though others that came before it wait longer")
    func deadlines() async throws {
        let isThere = Atomic(false)
        let pool = ConnectionPool<Void>("test", size: 1) { () throws(StoreError) in
            if !isThere.load(ordering: .relaxed) { throw StoreError(.unavailable, "nobody is there") }
        }
        let givenUp = Mutex<[Int]>([])
        let bell = BoundedChannel<Void>(capacity: 2, whenFull: .fail)
        for (number, patience) in [Duration.seconds(3600), .milliseconds(20), .seconds(3600), .zero].enumerated() {
            pool.add(
                Job(deadline: Deadline(in: patience)) { _ in
                    .done
                } giveUp: { _ in
                    givenUp.withLock { $0.append(number) }
                    bell.send(())
                })
        }
        var rings = bell.makeAsyncIterator()
        for _ in 0..<2 { _ = try await rings.next() }
        #expect(givenUp.withLock { $0.sorted() } == [1, 3])
        isThere.store(true, ordering: .relaxed)
        await pool.close()
    }

    @Test("one whose connection was lost is the next to be tried, though others give up sooner")
    func lostJob() async throws {
        let pool = ConnectionPool<Void>("test", size: 1) { () throws(StoreError) in }
        let attempts = Mutex<[String]>([])
        let bell = BoundedChannel<Void>(capacity: 1, whenFull: .fail)
        @Sendable func job(_ name: String, _ patience: Int, _ attempt: @escaping @Sendable () -> Job<Void>.Progress) -> Job<Void> {
            Job(deadline: Deadline(in: .seconds(patience))) { _ in
                attempts.withLock { $0.append(name) }
                return attempt()
            } giveUp: { _ in
                attempts.withLock { $0.append("\(name) is given up") }
            }
        }
        let isSecond = Atomic(false)
        pool.add(
            job("in doubt", 3600) {
                guard !isSecond.exchange(true, ordering: .relaxed) else { return .done }
                pool.add(
                    job("other", 1800) {
                        bell.send(())
                        return .done
                    })
                return .lost(StoreError(.unavailable, "cut"))
            })
        var rings = bell.makeAsyncIterator()
        _ = try await rings.next()
        await pool.close()
        #expect(attempts.withLock { $0 } == ["in doubt", "in doubt", "other"])
    }

    @Test("one whose connection was lost is given up at its deadline, and keeps no others from that")
    func lostDeadlines() async throws {
        let isThere = Atomic(true)
        let pool = ConnectionPool<Void>("test", size: 1) { () throws(StoreError) in
            if !isThere.load(ordering: .relaxed) { throw StoreError(.unavailable, "nobody is there") }
        }
        let givenUp = Mutex<[Int]>([])
        let bell = BoundedChannel<Void>(capacity: 2, whenFull: .fail)
        @Sendable func add(_ number: Int, _ patience: Duration) {
            pool.add(
                Job(deadline: Deadline(in: patience)) { _ in
                    guard number == 0 else { return .done }
                    isThere.store(false, ordering: .relaxed)
                    add(1, .seconds(3600))
                    add(2, .milliseconds(20))
                    return .lost(StoreError(.unavailable, "cut"))
                } giveUp: { _ in
                    givenUp.withLock { $0.append(number) }
                    bell.send(())
                })
        }
        add(0, .milliseconds(500))
        var rings = bell.makeAsyncIterator()
        for _ in 0..<2 { _ = try await rings.next() }
        #expect(givenUp.withLock { $0.sorted() } == [0, 2])
        isThere.store(true, ordering: .relaxed)
        await pool.close()
    }

    @Test("what a thread with a connection is free to do is not left to one that has none")
    func idleConnection() async throws {
        let attempts = Atomic(0)
        let pool = ConnectionPool<Void>("test", size: 4) { () throws(StoreError) in
            if attempts.wrappingAdd(1, ordering: .relaxed).oldValue > 0 { throw StoreError(.unavailable, "there are too many connections") }
        }
        @Sendable func run(_ body: @escaping @Sendable () -> Void = {}) async -> Bool {
            await withCheckedContinuation { continuation in
                pool.add(
                    Job(deadline: Deadline(in: .seconds(20))) { _ in
                        body()
                        continuation.resume(returning: true)
                        return .done
                    } giveUp: { _ in
                        continuation.resume(returning: false)
                    })
            }
        }
        // While the first has the connection, others try to get one.
        @Sendable func haveOthersTry() {
            for _ in 0..<3 {
                pool.add(
                    Job(deadline: Deadline(in: .seconds(20))) { _ in
                        .done
                    } giveUp: { _ in
                    })
            }
            while attempts.load(ordering: .relaxed) < 4 { usleep(1000) }
        }
        #expect(await run(haveOthersTry))
        // They pause before they are idle, too.
        let end = ContinuousClock.now + .milliseconds(500)
        while ContinuousClock.now < end { try #require(await run()) }
        await pool.close()
    }
}
