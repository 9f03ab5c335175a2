import RivuletBroker
import Testing

/// One connection with very many subscriptions.
@Suite(.timeLimit(.minutes(2)))
struct ManySubscriptionsTests {
    private static let count = 10_000

    /// Every other one has wildcards; each third is a member of a queue group of its own.
    private static func subscription(_ number: Int) -> String {
        "SUB \(number.isMultiple(of: 2) ? "c.\(number).*" : "c.\(number).x") \(number.isMultiple(of: 3) ? "g\(number) " : "")\(number)\r\n"
    }

    private static func publish(to numbers: some Sequence<Int>) -> String {
        numbers.map { "PUB c.\($0).x \(String($0).count)\r\n\($0)\r\n" }.joined()
    }

    @Test func eachGetsItsMessagesUntilItEnds() async throws {
        try await withBroker { broker, address in
            let client = try await TestClient.ready(address)
            let publisher = try await TestClient.ready(address)
            let all = 0..<Self.count
            client.send(all.map(Self.subscription).joined())
            await client.expect(sending: "PING\r\n", "PONG\r\n")
            #expect(broker.statistics.subscriptions == Self.count)

            await publisher.expect(sending: Self.publish(to: all) + "PING\r\n", "PONG\r\n")
            try await expect(client, toGetOnceEach: all)

            client.send(all.filter { $0.isMultiple(of: 2) }.map { "UNSUB \($0)\r\n" }.joined())
            client.send("UNSUB 1 2\r\nUNSUB 3 1\r\n")
            await client.expect(sending: "PING\r\n", "PONG\r\n")
            // The one that has had all its messages has ended as well.
            #expect(broker.statistics.subscriptions == Self.count / 2 - 1)
            await publisher.expect(sending: Self.publish(to: all) + "PING\r\n", "PONG\r\n")
            let odd = all.filter { !$0.isMultiple(of: 2) && $0 != 3 }
            try await expect(client, toGetOnceEach: odd)
            #expect(broker.statistics.subscriptions == Self.count / 2 - 2)
            #expect(broker.statistics.inMessages == 2 * Self.count)
            #expect(broker.statistics.outMessages == Self.count + odd.count)

            // Names that ended can be used again.
            client.send("SUB c.0.* 0\r\nSUB again 2\r\n")
            await client.expect(sending: "PUB again 0\r\n\r\nPUB c.0.y 0\r\n\r\n", "MSG again 2 0\r\n\r\nMSG c.0.y 0 0\r\n\r\n")
            client.close()
            while broker.statistics.connections > 1 { await publisher.expect(sending: "PING\r\n", "PONG\r\n") }
            #expect(broker.statistics.subscriptions == 0)
            await publisher.expect(sending: Self.publish(to: all) + "PING\r\n", "PONG\r\n")
        }
    }

    /// Messages in the order they were published, each for the subscription it names.
    private func expect(_ client: TestClient, toGetOnceEach numbers: some Sequence<Int>) async throws {
        let received = try Received.messages(in: await client.everything())
        #expect(received == numbers.map { Received(sid: "\($0)", subject: "c.\($0).x", payload: "\($0)") })
    }
}
