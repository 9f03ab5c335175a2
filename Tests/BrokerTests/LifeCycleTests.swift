import RivuletBroker
import RivuletSubscriptions
import RivuletWire
import Testing

@Suite(.timeLimit(.minutes(1)))
struct LifeCycleTests {
    @Test func aTakenPortIsAClearError() async throws {
        try await withBroker { _, address in
            var configuration = BrokerConfiguration()
            configuration.port = address.port
            let second = Broker(configuration: configuration, logger: quiet)
            let error = await #expect(throws: BrokerError.self) { try await second.start() }
            #expect(error?.code == .addressInUse)
            #expect(error?.message == "cannot listen at nats://127.0.0.1:\(address.port): another program does; choose another port")
        }
    }

    @Test func aHostThatIsNotHereIsAClearError() async throws {
        var configuration = BrokerConfiguration()
        configuration.host = "192.0.2.1"
        configuration.port = 0
        let broker = Broker(configuration: configuration, logger: quiet)
        let error = await #expect(throws: BrokerError.self) { try await broker.start() }
        #expect(error?.code == .cannotListen)
    }

    @Test func aBrokerStartsOnce() async throws {
        try await withBroker { broker, _ in
            let error = await #expect(throws: BrokerError.self) { try await broker.start() }
            #expect(error?.code == .wrongState)
        }
    }

    @Test func drainingTellsClientsAndWaitsForThemToLeave() async throws {
        try await withBroker {
            $0.lameDuckDuration = .seconds(50)
            $0.lameDuckGracePeriod = .seconds(50)
        } _: { broker, address in
            let (client, _) = try await TestClient.connect(to: address)
            await client.expect(sending: "CONNECT {\"verbose\":false,\"protocol\":1}\r\nSUB a 1\r\nPING\r\n", "PONG\r\n")
            async let drained: Void = broker.drain()
            let line = await client.line()
            #expect(try ServerInfo(parsing: Array(line.dropFirst(5).utf8)).ldm)
            // It still works, for those who are there.
            await client.expect(sending: "PUB a 0\r\n\r\nPING\r\n", "MSG a 1 0\r\n\r\nPONG\r\n")
            await #expect(throws: (any Error).self) { try await TestClient.connect(to: address) }
            client.close()
            await drained
            #expect(broker.statistics.connections == 0)
        }
    }

    @Test func aDrainDisconnectsClientsOneAfterAnother() async throws {
        try await withBroker {
            $0.lameDuckDuration = .seconds(3)
            $0.lameDuckGracePeriod = .zero
        } _: { broker, address in
            var clients: [TestClient] = []
            for _ in 0..<10 { clients.append(try await TestClient.ready(address)) }
            let start = ContinuousClock.now
            let ends = await withTaskGroup(of: Duration.self) { group in
                for client in clients {
                    group.addTask {
                        await client.expectEnd()
                        return ContinuousClock.now - start
                    }
                }
                await broker.drain()
                #expect(broker.statistics.connections == 0)
                return await group.reduce(into: []) { $0.append($1) }.sorted()
            }
            // One every three tenths of a second, however busy the machine is.
            let (first, last) = (try #require(ends.first), try #require(ends.last))
            #expect(last - first > .seconds(1) && last < .seconds(20), "\(ends)")
        }
    }

    @Test func aDrainOfFewClientsIsShort() async throws {
        try await withBroker {
            $0.lameDuckDuration = .seconds(1000)
            $0.lameDuckGracePeriod = .milliseconds(10)
        } _: { broker, address in
            let first = try await TestClient.ready(address)
            let second = try await TestClient.ready(address)
            await broker.drain()
            await first.expectEnd()
            await second.expectEnd()
        }
    }

    @Test func aDrainDisconnectsNobodyBeforeItsWorkIsDone() async throws {
        try await withBroker {
            $0.lameDuckDuration = .seconds(1000)
            $0.lameDuckGracePeriod = .zero
        } _: { broker, address in
            let (client, _) = try await TestClient.connect(to: address)
            await client.expect(sending: "CONNECT {\"verbose\":false,\"protocol\":1}\r\nSUB a 1\r\nPING\r\n", "PONG\r\n")
            let (work, done) = AsyncStream<Void>.makeStream()
            async let drained: Void = broker.drain { for await _ in work {} }
            #expect(await client.line().contains("\"ldm\":true"))
            for _ in 0..<100 { await client.expect(sending: "PING\r\n", "PONG\r\n") }
            #expect(broker.status == .draining)
            // What the work leads to is written before the end.
            try broker.publish(BusMessage(subject: try Subject("a"), payload: [120]))
            done.finish()
            await client.expectEnd("MSG a 1 1\r\nx\r\n")
            await drained
        }
    }

    @Test func aDrainEndsInTimeThoughItsWorkDoesNot() async throws {
        try await withBroker {
            $0.lameDuckDuration = .milliseconds(100)
            $0.lameDuckGracePeriod = .seconds(1000)
        } _: { broker, address in
            let client = try await TestClient.ready(address)
            let (work, done) = AsyncStream<Void>.makeStream()
            async let drained: Void = broker.drain { for await _ in work {} }
            await client.expectEnd()
            done.finish()
            await drained
        }
    }

    @Test func drainingDisconnectsThoseWhoStayAfterWritingWhatIsLeft() async throws {
        try await withBroker {
            $0.lameDuckDuration = .milliseconds(50)
            $0.closeGrace = .seconds(20)
        } _: { broker, address in
            let client = try await TestClient.ready(address)
            await client.expect(sending: "SUB a 1\r\nPING\r\n", "PONG\r\n")
            try await client.setReading(false)
            let subject = try Subject("a")
            let payload = [UInt8](repeating: 120, count: 1_000_000)
            for _ in 0..<20 { try broker.publish(BusMessage(subject: subject, payload: payload)) }
            async let drained: Void = broker.drain()
            try await client.setReading(true)
            let messages = try Received.messages(in: await client.rest())
            #expect(messages.count == 20)
            await drained
            #expect(broker.statistics.connections == 0)
        }
    }

    @Test func afterShutdownTheBusIsClosedAndClientsAreGone() async throws {
        try await withBroker { broker, address in
            let client = try await TestClient.ready(address)
            await broker.shutdown()
            await client.expectEnd()
            let closed = #expect(throws: BusError.self) { try broker.publish(BusMessage(subject: try Subject("a"))) }
            #expect(closed?.code == .closed)
            #expect(throws: BusError.self) { try broker.attach(try SubjectPattern("a"), queue: nil) { _ in } }
            await broker.shutdown()
        }
    }

    @Test func aClientThatLeavesTakesItsSubscriptionsAlong() async throws {
        try await withBroker { broker, address in
            let client = try await TestClient.ready(address)
            await client.expect(sending: "SUB a 1\r\nSUB b q 2\r\nPING\r\n", "PONG\r\n")
            #expect(broker.statistics.subscriptions == 2)
            client.close()
            let other = try await TestClient.ready(address)
            while broker.statistics.connections > 1 { await other.expect(sending: "PING\r\n", "PONG\r\n") }
            #expect(broker.statistics.subscriptions == 0)
        }
    }

    @Test func trafficIsCounted() async throws {
        try await withBroker { broker, address in
            let client = try await TestClient.ready(address)
            await client.expect(
                sending: "SUB a 1\r\nSUB * 2\r\nPUB a 3\r\nabc\r\nPUB b.c 2\r\nab\r\nPING\r\nPING\r\n",
                "MSG a 1 3\r\nabc\r\nMSG a 2 3\r\nabc\r\nPONG\r\nPONG\r\n")
            await client.expect(sending: "PING\r\n", "PONG\r\n")
            let statistics = broker.statistics
            #expect(statistics.inMessages == 2 && statistics.inBytes == 5)
            #expect(statistics.outMessages == 2 && statistics.outBytes == 6)
            #expect(statistics.connections == 1 && statistics.subscriptions == 2)
        }
    }
}
