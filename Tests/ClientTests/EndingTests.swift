import RivuletBroker
import RivuletClient
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct EndingTests {
    @Test func whatWasPublishedBeforeClosingArrives() async throws {
        let broker = try await RestartableBroker.start()
        let subscription = try broker.bus.subscribe(SubjectPattern("a"))
        try await withRivuletClient(broker.url) { client in
            for _ in 0..<5000 { try client.publish(BusMessage(subject: try Subject("a"), payload: [1])) }
        }
        subscription.cancel()
        var count = 0
        for try await _ in subscription { count += 1 }
        #expect(count == 5000)
        await broker.stop()
    }

    @Test func aCancelledTaskThatClosesFlushesWhatItPublished() async throws {
        let server = try await SilentServer.start(greeting: SilentServer.greeting)
        let client = try await RivuletClient.connect("127.0.0.1:\(server.port)")
        server.listenToClients()
        let ending = Task {
            while !Task.isCancelled { await Task.yield() }
            try client.publish(BusMessage(subject: try Subject("a"), payload: bytes("x")))
            await client.close()
        }
        ending.cancel()
        try await ending.value
        try await until { server.heard.hasSuffix("PUB a 1\r\nx\r\nPING\r\n") }
        await server.stop()
    }

    @Test func aCancelledTaskThatDrainsSendsWhatItPublished() async throws {
        let broker = try await RestartableBroker.start()
        let messages = try broker.bus.subscribe(SubjectPattern("a"))
        var configuration = ClientConfiguration()
        configuration.requestTimeout = .seconds(50)
        let client = try await RivuletClient.connect(broker.url, configuration: configuration)
        let ending = Task {
            while !Task.isCancelled { await Task.yield() }
            // More than a socket takes.
            let message = BusMessage(subject: try Subject("a"), payload: [UInt8](repeating: 0, count: 1 << 20))
            for _ in 0..<12 { try client.publish(message) }
            await client.drain()
        }
        ending.cancel()
        try await ending.value
        messages.cancel()
        var count = 0
        for try await _ in messages { count += 1 }
        #expect(count == 12)
        await broker.stop()
    }

    @Test func drainingLetsReadersFinishAndAnswer() async throws {
        let broker = try await RestartableBroker.start()
        let client = try await RivuletClient.connect(broker.url)
        let requests = try await client.subscribe("requests")
        let answers = try broker.bus.subscribe(SubjectPattern("answers"))
        for number in 0..<100 { try broker.bus.publish(BusMessage(subject: try Subject("requests"), payload: bytes("\(number)"))) }
        async let served: Void = {
            for try await request in requests { try await client.publish(request.payload, to: "answers") }
        }()
        await client.drain()
        try await served
        answers.cancel()
        var seen: [String] = []
        for try await answer in answers { seen.append(text(answer.payload)) }
        #expect(seen == (0..<100).map { "\($0)" })
        await broker.stop()
    }

    @Test func everythingEndsWhenTheClientCloses() async throws {
        let broker = try await RestartableBroker.start()
        let client = try await RivuletClient.connect(broker.url)
        let subscription = try await client.subscribe("a")
        let statuses = client.status
        await client.close()
        await client.close()
        for try await _ in subscription { Issue.record("there is no message") }
        var last: ClientStatus?
        for await status in statuses { last = status }
        #expect(last?.description == "closed")
        #expect(throws: BusError.self) { try client.publish(BusMessage(subject: try Subject("a"))) }
        await #expect(throws: BusError.self) { _ = try await client.subscribe("a") }
        await #expect(throws: BusError.self) { _ = try await client.request("a") }
        await #expect(throws: BusError.self) { try await client.flush() }
        await broker.stop()
    }

    @Test func theClientIsClosedWhenItsBodyThrows() async throws {
        struct Failure: Error {}
        let broker = try await RestartableBroker.start()
        await #expect(throws: Failure.self) {
            try await withRivuletClient(broker.url) { client in
                try await client.flush()
                throw Failure()
            }
        }
        await broker.stop()
    }

    @Test func closingWhileThereIsNoServerDoesNotWait() async throws {
        let broker = try await RestartableBroker.start()
        let client = try await RivuletClient.connect(broker.url)
        var statuses = client.status.makeAsyncIterator()
        await broker.stop()
        try await wait(&statuses) { $0.isDisconnected }
        await client.close()
        #expect(!client.isConnected)
    }
}
