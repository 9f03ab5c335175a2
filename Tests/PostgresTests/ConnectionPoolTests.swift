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
}
