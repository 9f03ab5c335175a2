import RivuletBroker
import RivuletSubscriptions
import Synchronization
import TestSupport
import Testing

/// Many messages in few reads.
@Suite(.timeLimit(.minutes(2)))
struct PublishRunTests {
    private struct Message {
        let subject: String
        let reply: String
        let payload: [UInt8]

        var text: String { String(decoding: payload, as: UTF8.self) }
        var arguments: String { "\(reply.isEmpty ? "" : reply + " ")\(payload.count)\r\n" }
        var published: [UInt8] { Array("PUB \(subject) \(arguments)".utf8) + payload + [0x0d, 0x0a] }
        func delivered(_ sid: String) -> [UInt8] { Array("MSG \(subject) \(sid) \(arguments)".utf8) + payload + [0x0d, 0x0a] }
    }

    private func message(using generator: inout SeededGenerator) -> Message {
        let size = [0, 3, 16, 200, 3000, 20_000].randomElement(using: &generator) ?? 0
        return Message(
            subject: ["a.b", "a.c", "a." + String(repeating: "long", count: 40), "x"].randomElement(using: &generator) ?? "x",
            reply: Int.random(in: 0..<5, using: &generator) == 0 ? "some.reply" : "",
            payload: (0..<size).map { UInt8(ascii: "a") + UInt8(($0 * 31 + size) % 26) })
    }

    @Test(arguments: 0..<6 as Range<UInt64>) func everyByteArrivesHoweverTheStreamIsSplit(seed: UInt64) async throws {
        var generator = SeededGenerator(seed: seed)
        try await withBroker { _, address in
            let publisher = try await TestClient.ready(address)
            let first = try await TestClient.ready(address)
            let second = try await TestClient.ready(address)
            await first.expect(sending: "SUB a.* 1\r\nPING\r\n", "PONG\r\n")
            await second.expect(sending: "SUB a.b 22222222222222222222\r\nSUB > 3\r\nPING\r\n", "PONG\r\n")
            let messages = (0..<200).map { _ in message(using: &generator) }
            var stream = messages.flatMap(\.published)[...]
            while !stream.isEmpty {
                let length = Int.random(in: 1...([7, 300, 70_000].randomElement(using: &generator) ?? 1), using: &generator)
                try await publisher.sendAndWait(Array(stream.prefix(length)))
                stream = stream.dropFirst(length)
            }
            await publisher.expect(sending: "PING\r\n", "PONG\r\n")
            let wanted = messages.filter { $0.subject != "x" }.flatMap { $0.delivered("1") }
            #expect(await first.everything() == wanted)
            let received = try Received.messages(in: await second.everything())
            #expect(received.filter { $0.sid == "3" }.map(\.payload) == messages.map(\.text))
            #expect(received.filter { $0.sid != "3" }.map(\.payload) == messages.filter { $0.subject == "a.b" }.map(\.text))
        }
    }

    @Test func whatEndsARunIsHandledOnce() async throws {
        try await withBroker { broker, address in
            let publisher = try await TestClient.ready(address)
            let subscriber = try await TestClient.ready(address)
            await subscriber.expect(sending: "SUB a 1\r\nSUB q g 2\r\nPING\r\n", "PONG\r\n")
            let requests = Mutex<[String]>([])
            let attachment = try broker.attach(try SubjectPattern("obj.>"), queue: nil) { message in
                requests.withLock { $0.append("\(message.subject) \(message.reply?.description ?? "-")") }
            }
            let published = ["a 1\r\n1", "a 1\r\n2", "obj.a r 0\r\n", "a 1\r\n3", "q 1\r\n4", "obj.b 0\r\n", "$SYS.x 0\r\n", "a 1\r\n5"]
            publisher.send(published.map { "PUB \($0)\r\n" }.joined())
            await publisher.expect(sending: "PING\r\n", "PONG\r\n")
            let delivered = ["a 1 1\r\n1", "a 1 1\r\n2", "a 1 1\r\n3", "q 2 1\r\n4", "a 1 1\r\n5"].map { "MSG \($0)\r\n" }.joined()
            #expect(await subscriber.everything() == Array(delivered.utf8))
            #expect(requests.withLock { $0 } == ["obj.a r", "obj.b -"])
            #expect(broker.statistics.inMessages == 8)
            attachment.cancel()
        }
    }

    @Test func aSubscriptionEndsInTheMiddleOfARun() async throws {
        try await withBroker { broker, address in
            let publisher = try await TestClient.ready(address)
            let subscriber = try await TestClient.ready(address)
            await subscriber.expect(sending: "SUB a 1\r\nUNSUB 1 3\r\nPING\r\n", "PONG\r\n")
            publisher.send(String(repeating: "PUB a 1\r\nx\r\n", count: 5))
            await publisher.expect(sending: "PING\r\n", "PONG\r\n")
            #expect(await subscriber.everything() == Array(String(repeating: "MSG a 1 1\r\nx\r\n", count: 3).utf8))
            #expect(broker.statistics.outMessages == 3)
            #expect(broker.statistics.outBytes == 3)
            #expect(broker.statistics.inMessages == 5)
            #expect(broker.statistics.subscriptions == 0)
        }
    }

    @Test func requestsOfARunThatReachNobodyAreAnswered503() async throws {
        try await withBroker { _, address in
            let client = try await TestClient.ready(address, ",\"headers\":true,\"no_responders\":true")
            let responder = try await TestClient.ready(address)
            await responder.expect(sending: "SUB a 1\r\nUNSUB 1 2\r\nPING\r\n", "PONG\r\n")
            await client.expect(sending: "SUB r 9\r\nPING\r\n", "PONG\r\n")
            client.send("PUB a r 1\r\n1\r\nPUB a 1\r\n2\r\nPUB a r 1\r\n3\r\nPUB a 1\r\n4\r\nPUB a r 1\r\n5\r\nPING\r\n")
            let notice = "HMSG r 9 33 33\r\nNATS/1.0 503\r\nNats-Subject: a\r\n\r\n\r\n"
            await client.expect(notice + notice + "PONG\r\n")
            #expect(await responder.everything() == Array("MSG a 1 r 1\r\n1\r\nMSG a 1 1\r\n2\r\n".utf8))
        }
    }

    @Test func aRunIsDeliveredBeforeWhatFollowsIt() async throws {
        try await withBroker { _, address in
            let client = try await TestClient.ready(address)
            await client.expect(
                sending: "SUB a 1\r\nPUB a 1\r\nx\r\nPUB a 1\r\ny\r\nUNSUB 1\r\nPUB a 1\r\nz\r\nPING\r\n",
                "MSG a 1 1\r\nx\r\nMSG a 1 1\r\ny\r\nPONG\r\n")
        }
    }

    @Test func whoDoesNotWantItsOwnMessagesDoesNotGetThemInARun() async throws {
        try await withBroker { _, address in
            let client = try await TestClient.ready(address, ",\"echo\":false")
            let other = try await TestClient.ready(address)
            await other.expect(sending: "SUB a 1\r\nPING\r\n", "PONG\r\n")
            await client.expect(sending: "SUB a 1\r\nPUB a 1\r\nx\r\nPUB a 1\r\ny\r\nPING\r\n", "PONG\r\n")
            #expect(await other.everything() == Array("MSG a 1 1\r\nx\r\nMSG a 1 1\r\ny\r\n".utf8))
        }
    }
}
