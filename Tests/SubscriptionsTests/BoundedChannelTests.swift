import RivuletSubscriptions
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(1))) struct BoundedChannelTests {
    private func read(_ channel: BoundedChannel<Int>) async throws -> [Int] {
        var elements: [Int] = []
        for try await element in channel { elements.append(element) }
        return elements
    }

    @Test func elementsComeInOrderAndThenTheEnd() async throws {
        let channel = BoundedChannel<Int>(capacity: 10, whenFull: .fail)
        for number in 1...5 { channel.send(number) }
        channel.finish()
        channel.send(6)
        #expect(!channel.isRead)
        #expect(try await read(channel) == [1, 2, 3, 4, 5])
        #expect(channel.isRead)
    }

    @Test func theOldestMakesRoom() async throws {
        let channel = BoundedChannel<Int>(capacity: 2, whenFull: .dropOldest)
        for number in 1...5 { channel.send(number) }
        channel.finish()
        #expect(channel.dropped == 3)
        #expect(try await read(channel) == [4, 5])
    }

    @Test func theNewestIsDropped() async throws {
        let channel = BoundedChannel<Int>(capacity: 2, whenFull: .dropNewest)
        for number in 1...5 { channel.send(number) }
        channel.finish()
        #expect(channel.dropped == 3)
        #expect(try await read(channel) == [1, 2])
    }

    @Test func anOverflowEndsTheChannelAfterWhatWaits() async throws {
        let ends = Atomic<Int>(0)
        let channel = BoundedChannel<Int>(capacity: 2, whenFull: .fail) { ends.add(1, ordering: .relaxed) }
        for number in 1...3 { channel.send(number) }
        #expect(ends.load(ordering: .relaxed) == 1)
        var elements: [Int] = []
        do {
            for try await element in channel { elements.append(element) }
            Issue.record("the overflow was not told")
        } catch let overflow as BoundedChannel<Int>.Overflow {
            #expect(overflow.waiting == 2)
        }
        #expect(elements == [1, 2])
        #expect(try await read(channel) == [])
    }

    @Test func bytesAreBoundedAsWell() async throws {
        let dropping = BoundedChannel<Int>(capacity: 10, byteCapacity: 10, size: { $0 }, whenFull: .dropOldest)
        for number in [4, 3, 2, 6] { dropping.send(number) }
        #expect(dropping.dropped == 2)
        dropping.finish()
        #expect(try await read(dropping) == [2, 6])

        let failing = BoundedChannel<Int>(capacity: 10, byteCapacity: 10, size: { $0 }, whenFull: .fail)
        var reader = failing.makeAsyncIterator()
        // What is read makes room, and one alone fits.
        for number in [5, 5, 20, 3, 7] {
            failing.send(number)
            #expect(try await reader.next() == number)
        }
        for number in [6, 4, 1] { failing.send(number) }
        #expect(try await (reader.next(), reader.next()) == (6, 4))
        await #expect(throws: BoundedChannel<Int>.Overflow.self) { try await reader.next() }
    }

    @Test func anErrorIsToldOnceAlsoToAReaderThatWaits() async throws {
        struct Broken: Error {}
        let channel = BoundedChannel<Int>(capacity: 2, whenFull: .fail)
        let reader = Task { try await read(channel) }
        channel.finish(throwing: Broken())
        await #expect(throws: Broken.self) { try await reader.value }
        #expect(try await read(channel) == [])
    }

    @Test func aCancelledReaderEndsTheChannel() async throws {
        let ends = Atomic<Int>(0)
        let channel = BoundedChannel<Int>(capacity: 2, whenFull: .fail) { ends.add(1, ordering: .relaxed) }
        let reader = Task { try await read(channel) }
        reader.cancel()
        #expect(try await reader.value == [])
        #expect(ends.load(ordering: .relaxed) == 1)
    }

    @Test func lettingGoOfTheChannelEndsIt() {
        let ends = Atomic<Int>(0)
        do {
            let channel = BoundedChannel<Int>(capacity: 2, whenFull: .fail) { ends.add(1, ordering: .relaxed) }
            channel.send(1)
        }
        #expect(ends.load(ordering: .relaxed) == 1)
    }

    @Test func aReaderAndManySendersLoseNothing() async throws {
        let channel = BoundedChannel<Int>(capacity: 100_000, whenFull: .fail)
        try await withThrowingTaskGroup(of: [Int].self) { group in
            group.addTask { try await read(channel) }
            await withTaskGroup(of: Void.self) { senders in
                for sender in 0..<8 {
                    senders.addTask { for number in 0..<1000 { channel.send(sender * 1000 + number) } }
                }
            }
            channel.finish()
            for try await elements in group {
                #expect(elements.sorted() == Array(0..<8000))
                for sender in 0..<8 {
                    let own = elements.filter { $0 / 1000 == sender }
                    #expect(own == own.sorted())
                }
            }
        }
    }
}
