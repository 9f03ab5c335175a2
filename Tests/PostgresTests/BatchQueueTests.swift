import Testing

@testable import RivuletPostgres

@Suite("Calls that wait for a batch")
struct BatchQueueTests {
    private var queue = BatchQueue<Int>()

    /// - Returns: How many of the calls found room.
    @discardableResult
    private mutating func add(_ calls: some Sequence<Int>, until deadline: Deadline = Deadline(in: .seconds(100))) -> Int {
        calls.filter { queue.add($0, until: deadline) }.count
    }

    private mutating func take() -> [Int]? { queue.begin()?.map(\.call) }

    @Test("the first call goes at once, and those that come meanwhile go together, in their order")
    mutating func collects() {
        var taken = [take()]
        add([1])
        taken.append(take())
        add(2...4)
        taken.append(take())
        #expect(taken == [nil, [1], nil])
        #expect(!queue.isIdle)
        queue.end()
        taken = [take()]
        queue.end()
        taken.append(take())
        #expect(taken == [[2, 3, 4], nil])
        #expect(queue.isIdle)
    }

    @Test("a batch has a limit, and what is more waits for the next")
    mutating func isBounded() {
        add(0..<600)
        var taken = [take()]
        queue.end()
        taken.append(take())
        #expect(taken == [Array(0..<512), Array(512..<600)])
    }

    @Test("no more wait than there is room for")
    mutating func isFull() {
        let first = add(0..<20_000)
        let batch = take()
        let second = add(0..<20_000)
        #expect([first, batch?.count, second] == [16_384, 512, 512])
    }

    @Test("calls that are much younger than the first do not give up with it")
    mutating func isOfOneAge() {
        add([1, 2])
        add([3, 4], until: Deadline(in: .seconds(150)))
        var taken = [take()]
        queue.end()
        taken.append(take())
        #expect(taken == [[1, 2], [3, 4]])
    }
}
