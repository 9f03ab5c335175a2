import RivuletBroker
import RivuletSubscriptions
import RivuletWire
import Testing

/// Clients and the process all at once, for the thread sanitizer to look at.
@Suite(.timeLimit(.minutes(1)))
struct ConcurrencyTests {
    @Test func whoComesGoesPublishesAndSubscribesAtOnceLeavesNothing() async throws {
        try await withBroker { broker, address in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<6 { group.addTask { try await visit(address) } }
                for _ in 0..<2 { group.addTask { try useBus(broker) } }
                try await group.waitForAll()
            }
            while broker.statistics.connections > 0, !Task.isCancelled { await Task.yield() }
            #expect(broker.statistics.subscriptions == 0)
            #expect(broker.statistics.pendingBytes == 0)
            #expect(broker.statistics.slowConsumers == 0)
        }
    }

    @Test func nothingComesForASubscriptionAfterItsEndWasAcknowledged() async throws {
        try await withBroker { broker, address in
            let client = try await TestClient.ready(address)
            let message = BusMessage(subject: try Subject("a"), reply: nil, headers: [:], payload: [])
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<2 {
                    group.addTask {
                        while !Task.isCancelled {
                            try broker.publish(message)
                            await Task.yield()
                        }
                    }
                }
                for sid in 0..<100 {
                    await client.expect(sending: "SUB a \(sid)\r\n", "MSG a \(sid) 0\r\n\r\n")
                    client.send("UNSUB \(sid)\r\nPING\r\n")
                    while await client.line() != "PONG", !Task.isCancelled {}
                    await client.expect(sending: "PING\r\n", "PONG\r\n")
                }
                group.cancelAll()
                try await group.waitForAll()
            }
        }
    }

    private func visit(_ address: Broker.Address) async throws {
        for _ in 0..<15 {
            let client = try await TestClient.ready(address)
            for subject in 0..<20 {
                client.send(
                    "SUB a.\(subject) \(subject)\r\nSUB a.* q 100\r\nPUB a.\(subject) 2\r\nhi\r\nPUB a.0 a.1 2\r\nho\r\nUNSUB 100\r\n")
            }
            for subject in 0..<20 { client.send("UNSUB \(subject)\r\n") }
            let received = await client.everything()
            #expect(received.starts(with: Array("MSG a.".utf8)))
            client.close()
        }
    }

    private func useBus(_ broker: Broker) throws {
        for number in 0..<300 {
            let attachment = try broker.attach(try SubjectPattern("a.*"), queue: number % 2 == 0 ? "q" : nil) { _ in }
            try broker.publish(BusMessage(subject: try Subject("a.0"), reply: nil, headers: [:], payload: [1]))
            attachment.cancel()
        }
    }
}
