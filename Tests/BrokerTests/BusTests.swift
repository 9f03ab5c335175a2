import RivuletBroker
import RivuletSubscriptions
import RivuletWire
import Synchronization
import Testing

/// The broker as the bus of its own process.
@Suite(.timeLimit(.minutes(1)))
struct BusTests {
    private final class Inbox: Sendable {
        private let messages = Mutex<[BusMessage]>([])

        var all: [BusMessage] { messages.withLock { $0 } }
        var payloads: [String] { all.map { String(decoding: $0.payload, as: UTF8.self) } }

        func receive(_ message: BusMessage) { messages.withLock { $0.append(message) } }
    }

    private func message(_ subject: String, _ payload: String = "", reply: String? = nil, headers: Headers = [:]) throws -> BusMessage {
        BusMessage(
            subject: try Subject(subject), reply: try reply.map { try Subject($0) }, headers: headers, payload: Array(payload.utf8))
    }

    @Test func messagesAreHandedOverBeforePublishReturnsAlsoWithoutAListener() throws {
        let broker = Broker(logger: quiet)
        let inbox = Inbox()
        let attachment = try broker.attach(try SubjectPattern("a.*"), queue: nil, inbox.receive)
        let sent = try message("a.b", "1", reply: "r", headers: ["K": "v"])
        try broker.publish(sent)
        try broker.publish(try message("a", "no"))
        #expect(inbox.all == [sent])
        attachment.cancel()
        try broker.publish(try message("a.b", "2"))
        #expect(inbox.all == [sent])
        #expect(broker.statistics.subscriptions == 0)
    }

    @Test(arguments: ["", "a b", "a\tb", "a\r\nb", "a\u{7F}"])
    func aQueueGroupHasAName(_ queue: String) throws {
        let broker = Broker(logger: quiet)
        let error = #expect(throws: BusError.self) { _ = try broker.attach(SubjectPattern("a"), queue: queue) { _ in } }
        #expect(error?.code == .forbidden)
        #expect(broker.statistics.subscriptions == 0)
    }

    @Test func theProcessMayWriteEvents() throws {
        let broker = Broker(logger: quiet)
        let inbox = Inbox()
        let attachment = try broker.attach(try SubjectPattern("evt.>"), queue: nil, inbox.receive)
        try broker.publish(try message("evt.GameTable.1.Hit", "1"))
        #expect(inbox.payloads == ["1"])
        attachment.cancel()
    }

    @Test func aRequestNobodyIsSubscribedForIsAnswered503() throws {
        let broker = Broker(logger: quiet)
        let inbox = Inbox()
        let attachment = try broker.attach(try SubjectPattern("r"), queue: nil, inbox.receive)
        try broker.publish(try message("nobody", "x", reply: "r"))
        #expect(inbox.all.map(\.headers.status) == [503])
        #expect(inbox.all.first?.headers["Nats-Subject"] == "nobody")
        #expect(inbox.all.first?.payload == [])
        attachment.cancel()
    }

    @Test func messagesInARowArriveInOrderAtConnectionsQueueGroupsAndInTheProcess() async throws {
        try await withBroker { broker, address in
            let plain = try await TestClient.ready(address)
            await plain.expect(sending: "SUB a.* 1\r\nPING\r\n", "PONG\r\n")
            var run = MessageRun(subject: try Subject("a.b"))
            for number in 0..<3000 { run.append { $0 += Array("\(number)".utf8) } }
            let frames = { (sid: String) in
                (0..<3000).map { "MSG a.b \(sid) \("\($0)".utf8.count)\r\n\($0)\r\n" }.joined()
            }
            try await broker.publish(run)
            #expect(String(decoding: await plain.everything(), as: UTF8.self) == frames("1"))

            let member = try await TestClient.ready(address)
            await member.expect(sending: "SUB a.b group 2\r\nPING\r\n", "PONG\r\n")
            let inbox = Inbox()
            let attachment = try broker.attach(try SubjectPattern("a.>"), queue: nil, inbox.receive)
            try await broker.publish(run)
            #expect(String(decoding: await plain.everything(), as: UTF8.self) == frames("1"))
            #expect(String(decoding: await member.everything(), as: UTF8.self) == frames("2"))
            #expect(inbox.payloads == (0..<3000).map { "\($0)" })
            attachment.cancel()
        }
    }

    @Test func messagesThatArePublishedTogetherComeToAConnectionAsTheyAre() async throws {
        try await withBroker { broker, address in
            let client = try await TestClient.ready(address)
            await client.expect(sending: "SUB a.* 1\r\nPING\r\n", "PONG\r\n")
            let inbox = Inbox()
            let attachment = try broker.attach(try SubjectPattern("b"), queue: nil, inbox.receive)
            let messages = [try message("a.1", "long"), try message("a.2"), try message("b", "process"), try message("a.3", "x")]
            try broker.publish(messages)
            await client.expect("MSG a.1 1 4\r\nlong\r\nMSG a.2 1 0\r\n\r\nMSG a.3 1 1\r\nx\r\n")
            #expect(inbox.payloads == ["process"])
            attachment.cancel()
        }
    }

    @Test func whoDoesNotUnderstandHeadersGetsMessagesWithoutThem() async throws {
        try await withBroker { broker, address in
            let plain = try await TestClient.ready(address, ",\"headers\":false")
            await plain.expect(sending: "SUB a 1\r\nPING\r\n", "PONG\r\n")
            let publisher = try await TestClient.ready(address, ",\"headers\":true")
            publisher.send("HPUB a r.s 18 20\r\nNATS/1.0\r\nA: b\r\n\r\nhi\r\n")
            await plain.expect("MSG a 1 r.s 2\r\nhi\r\n")
            publisher.send("HPUB a 18 20\r\nNATS/1.0\r\nA: b\r\n\r\nhi\r\n")
            await plain.expect("MSG a 1 2\r\nhi\r\n")
            let subject = try Subject("a")
            try broker.publish(BusMessage(subject: subject, reply: try Subject("r.s"), headers: ["A": "b"], payload: Array("you".utf8)))
            try broker.publish([BusMessage(subject: subject, headers: ["A": "b"], payload: Array("there".utf8))])
            await plain.expect("MSG a 1 r.s 3\r\nyou\r\nMSG a 1 5\r\nthere\r\n")
        }
    }

    @Test func aMessageInARowThatIsTooLargeIsAnErrorAndTheOthersArrive() async throws {
        try await withBroker {
            $0.limits.payload = 3
        } _: { broker, address in
            let client = try await TestClient.ready(address)
            await client.expect(sending: "SUB a 1\r\nPING\r\n", "PONG\r\n")
            var run = MessageRun(subject: try Subject("a"))
            for text in ["one", "three", "two"] { run.append { $0 += Array(text.utf8) } }
            let error = await #expect(throws: BusError.self) { try await broker.publish(run) }
            #expect(error?.code == .limit)
            #expect(String(decoding: await client.everything(), as: UTF8.self) == "MSG a 1 3\r\none\r\nMSG a 1 3\r\ntwo\r\n")
        }
    }

    @Test func aBurstOfMoreThanMayWaitReachesWhoReads() async throws {
        try await withBroker {
            $0.maximumPending = 1_000_000
            $0.stallThreshold = 300_000
            $0.maximumStall = .seconds(20)
        } _: { broker, address in
            let client = try await TestClient.ready(address)
            await client.expect(sending: "SUB a 1\r\nPING\r\n", "PONG\r\n")
            var run = MessageRun(subject: try Subject("a"))
            for _ in 0..<5000 { run.append { $0 += [UInt8](repeating: 0x78, count: 1000) } }
            try await broker.publish(run)
            #expect(await client.everything().count == 5000 * ("MSG a 1 1000\r\n".utf8.count + 1002))
            #expect(broker.statistics.slowConsumers == 0)
        }
    }

    @Test func theMembersOfAQueueGroupTakeTurns() throws {
        let broker = Broker(logger: quiet)
        let inboxes = [Inbox(), Inbox()]
        let attachments = try inboxes.map { try broker.attach(try SubjectPattern("a"), queue: "q", $0.receive) }
        for number in 0..<10 { try broker.publish(try message("a", String(number))) }
        #expect(inboxes.map(\.all.count) == [5, 5])
        for attachment in attachments { attachment.cancel() }
    }

    @Test func aMessageLargerThanAllowedIsRefused() throws {
        var configuration = BrokerConfiguration()
        configuration.limits.payload = 3
        let broker = Broker(configuration: configuration, logger: quiet)
        try broker.publish(try message("a", "123"))
        let error = #expect(throws: BusError.self) { try broker.publish(try message("a", "1234")) }
        #expect(error?.code == .limit)
    }

    @Test func processAndNetworkReachEachOther() async throws {
        try await withBroker { broker, address in
            let client = try await TestClient.ready(address, ",\"headers\":true,\"no_responders\":true")
            let unaware = try await TestClient.ready(address)
            await client.expect(sending: "SUB from.process 1\r\nSUB reply 2\r\nPING\r\n", "PONG\r\n")
            await unaware.expect(sending: "SUB from.process 1\r\nPING\r\n", "PONG\r\n")
            let inbox = Inbox()
            let attachment = try broker.attach(try SubjectPattern("obj.>"), queue: nil) { message in
                inbox.receive(message)
                if let reply = message.reply { try? broker.publish(BusMessage(subject: reply, payload: Array("done".utf8))) }
            }
            client.send("HPUB obj.a reply 18 20\r\nNATS/1.0\r\nA: b\r\n\r\nhi\r\n")
            await client.expect("MSG reply 2 4\r\ndone\r\n")
            #expect(inbox.all == [try message("obj.a", "hi", reply: "reply", headers: ["A": "b"])])
            try broker.publish(try message("from.process", "hi", reply: "r", headers: ["A": "b"]))
            try broker.publish(try message("from.process", "ho"))
            await client.expect("HMSG from.process 1 r 18 20\r\nNATS/1.0\r\nA: b\r\n\r\nhi\r\nMSG from.process 1 2\r\nho\r\n")
            await unaware.expect("MSG from.process 1 r 2\r\nhi\r\nMSG from.process 1 2\r\nho\r\n")
            attachment.cancel()
            await client.expect(
                sending: "PUB obj.a reply 0\r\n\r\n", "HMSG reply 2 37 37\r\nNATS/1.0 503\r\nNats-Subject: obj.a\r\n\r\n\r\n")
        }
    }

    @Test func messagesOfOnePublisherStayInOrderAcrossThreads() async throws {
        try await withBroker { broker, address in
            let client = try await TestClient.ready(address)
            await client.expect(sending: "SUB a.* 1\r\nPING\r\n", "PONG\r\n")
            let publishers = 4
            let count = 2000
            try await withThrowingTaskGroup(of: Void.self) { group in
                for publisher in 0..<publishers {
                    group.addTask {
                        for number in 0..<count { try broker.publish(try message("a.\(publisher)", String(number))) }
                    }
                }
                try await group.waitForAll()
            }
            let messages = try Received.messages(in: await client.everything())
            for publisher in 0..<publishers {
                let own = messages.filter { $0.subject == "a.\(publisher)" }.map(\.payload)
                #expect(own == (0..<count).map(String.init))
            }
        }
    }

    @Test func aSubscriptionCanBeReadAsASequence() async throws {
        let broker = Broker(logger: quiet)
        let subscription = try broker.subscribe(try SubjectPattern("a"))
        for number in 0..<3 { try broker.publish(try message("a", String(number))) }
        subscription.cancel()
        var payloads: [String] = []
        for try await message in subscription { payloads.append(String(decoding: message.payload, as: UTF8.self)) }
        #expect(payloads == ["0", "1", "2"])
    }
}
