import Testing

@testable import RivuletContract

@Suite(.timeLimit(.minutes(1))) struct LiveMessagesTests {
    private func message(_ number: Int, size: Int = 0) -> BusMessage {
        BusMessage(subject: Subject(received: "m.\(number)".utf8), payload: Array(repeating: 0, count: size))
    }

    private func subject(_ arrival: LiveMessages.Arrival) -> String {
        switch arrival {
        case .message(let message): message.subject.description
        case .lost: "lost"
        case .closed: "closed"
        case .cancelled: "cancelled"
        }
    }

    @Test func messagesComeInOrderForAsLongAsThereIsRoom() async {
        let live = LiveMessages(capacity: 3)
        for round in 0..<2000 {
            live.send(message(round))
            live.send(message(round + 1))
            #expect(subject(await live.next()) == "m.\(round)")
            #expect(subject(await live.next()) == "m.\(round + 1)")
        }
    }

    @Test func anOverflowLosesAllAndIsToldOnce() async {
        let live = LiveMessages(capacity: 2)
        for number in 0..<5 { live.send(message(number)) }
        #expect(subject(await live.next()) == "lost")
        live.send(message(9))
        #expect(subject(await live.next()) == "m.9")
    }

    @Test func bytesAreBoundedToo() async {
        let live = LiveMessages(capacity: 100, byteCapacity: 10)
        live.send(message(1, size: 6))
        live.send(message(2, size: 6))
        #expect(subject(await live.next()) == "lost")
        live.send(message(3, size: 60))
        #expect(subject(await live.next()) == "m.3")
    }

    @Test func startingOverForgetsWhatWaitsAndWhatWasLost() async {
        let live = LiveMessages(capacity: 1)
        live.send(message(1))
        live.send(message(2))
        live.startOver()
        live.send(message(3))
        live.close()
        #expect(subject(await live.next()) == "m.3")
        #expect(subject(await live.next()) == "closed")
    }

    @Test func aReaderThatIsCancelledStopsWaiting() async {
        let live = LiveMessages()
        let reader = Task { await live.next() }
        reader.cancel()
        #expect(subject(await reader.value) == "cancelled")
    }
}
