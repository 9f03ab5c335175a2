import RivuletBroker
import Testing

@Suite(.timeLimit(.minutes(2)))
struct SlowConsumerTests {
    private static let payload = String(repeating: "x", count: 1024)
    /// Enough to fill what the system buffers for a connection, many times over.
    private static let blocks = 512
    private static let block = String(repeating: "PUB a 1024\r\n\(payload)\r\n", count: 64)
    private static let blockReceived = String(repeating: "MSG a 1 1024\r\n\(payload)\r\n", count: 64).utf8.count

    private func slowClient(_ address: Broker.Address) async throws -> TestClient {
        let (client, _) = try await TestClient.connect(to: address, receiveBuffer: 4096)
        await client.expect(sending: "CONNECT {\"verbose\":false}\r\nSUB a 1\r\nPING\r\n", "PONG\r\n")
        try await client.setReading(false)
        return client
    }

    @Test func aConsumerThatStopsReadingIsCutAndHarmsNobody() async throws {
        try await withBroker {
            $0.maximumPending = 1_048_576
            $0.stallThreshold = 524_288
            $0.maximumStall = .milliseconds(1)
        } _: { broker, address in
            let slow = try await slowClient(address)
            let healthy = try await TestClient.ready(address)
            await healthy.expect(sending: "SUB a 1\r\nPING\r\n", "PONG\r\n")
            let publisher = try await TestClient.ready(address)
            for _ in 0..<Self.blocks {
                try await publisher.sendAndWait(Array(Self.block.utf8))
                #expect(await healthy.bytes(Self.blockReceived).count == Self.blockReceived)
                #expect(broker.statistics.pendingBytes <= 2 * 1_048_576)
            }
            await publisher.expect(sending: "PING\r\n", "PONG\r\n")
            #expect(broker.statistics.slowConsumers == 1)
            try await slow.setReading(true)
            let got = await slow.rest()
            #expect(got.count < Self.blocks * Self.blockReceived)
            #expect(String(decoding: got.prefix(14), as: UTF8.self) == "MSG a 1 1024\r\n")
            await healthy.expect(sending: "PING\r\n", "PONG\r\n")
        }
    }

    @Test func aConsumerThatIsBehindSlowsItsPublisherOnlySoFar() async throws {
        try await withBroker {
            $0.writeDeadline = .seconds(100)
            $0.stallThreshold = 65_536
            $0.maximumStall = .milliseconds(1)
        } _: { broker, address in
            let slow = try await slowClient(address)
            let healthy = try await TestClient.ready(address)
            await healthy.expect(sending: "SUB a 1\r\nPING\r\n", "PONG\r\n")
            let publisher = try await TestClient.ready(address)
            for _ in 0..<Self.blocks { publisher.send(Self.block) }
            let expected = Self.blocks * Self.blockReceived
            #expect(await healthy.bytes(expected).count == expected)
            #expect(broker.statistics.slowConsumers == 0)
            try await slow.setReading(true)
            #expect(await slow.bytes(expected).count == expected)
        }
    }

    @Test func aConsumerWhoseWritesStandStillIsCut() async throws {
        try await withBroker {
            $0.writeDeadline = .milliseconds(100)
            $0.stallThreshold = 67_108_864
        } _: { broker, address in
            let slow = try await slowClient(address)
            let publisher = try await TestClient.ready(address)
            for _ in 0..<Self.blocks { publisher.send(Self.block) }
            while broker.statistics.slowConsumers == 0, !Task.isCancelled { await publisher.expect(sending: "PING\r\n", "PONG\r\n") }
            try await slow.setReading(true)
            #expect(await slow.rest().count < Self.blocks * Self.blockReceived)
        }
    }
}
