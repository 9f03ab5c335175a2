import Logging
import RivuletBroker
import RivuletSubscriptions
import Synchronization
import Testing

@Suite struct BulkPublishTests {
    private let broker = Broker(configuration: BrokerConfiguration(), logger: Logger(label: "test"))

    private func message(_ subject: String, bytes: Int = 1) throws -> BusMessage {
        BusMessage(subject: try Subject(subject), payload: [UInt8](repeating: 0x78, count: bytes))
    }

    @Test func messagesThatArePublishedTogetherComeInOrderAndOneThatIsTooLargeHoldsUpNone() throws {
        let seen = Mutex<[String]>([])
        let attachment = try broker.attach(SubjectPattern("a.*"), queue: nil) { message in
            seen.withLock { $0.append(message.subject.description) }
        }
        defer { attachment.cancel() }
        let error = #expect(throws: BusError.self) {
            try broker.publish([message("a.1"), message("a.2", bytes: 2 << 20), message("b.1"), message("a.3")])
        }
        #expect(error?.code == .limit)
        #expect(seen.withLock { $0 } == ["a.1", "a.3"])
    }

    @Test func aSubjectIsWantedWhileSomebodySubscribesToIt() throws {
        let subject = try Subject("evt.Player.ann.Won")
        #expect(!broker.isWanted(subject))
        let attachment = try broker.attach(SubjectPattern("evt.Player.>"), queue: nil) { _ in }
        #expect(broker.isWanted(subject))
        attachment.cancel()
        #expect(!broker.isWanted(subject))
    }
}
