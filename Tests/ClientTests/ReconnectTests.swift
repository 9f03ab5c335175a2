import RivuletBroker
import RivuletSubscriptions
import Synchronization
import TestSupport
import Testing

@testable import RivuletClient

@Suite(.timeLimit(.minutes(1))) struct ReconnectTests {
    @Test func subscriptionsSurviveARestartAndTheApplicationIsTold() async throws {
        try await withClient { client, broker in
            var statuses = client.status.makeAsyncIterator()
            let subscription = try await client.subscribe("a")
            let (told, tell) = AsyncStream.makeStream(of: BusInterruption.self)
            let observer = client.observe { tell.yield($0) }
            for round in 0..<3 {
                await broker.stop()
                try await wait(&statuses) { $0.isDisconnected }
                try await broker.startAgain()
                try await wait(&statuses) { $0.isReconnected }
                try broker.bus.publish(BusMessage(subject: try Subject("a"), payload: bytes("\(round)")))
            }
            var seen: [String] = []
            for try await message in subscription {
                seen.append(text(message.payload))
                if seen.count == 3 { break }
            }
            #expect(seen == ["0", "1", "2"])
            await client.close()
            tell.finish()
            var interruptions: [BusInterruption] = []
            for await interruption in told { interruptions.append(interruption) }
            #expect(interruptions == [.resumed, .resumed, .resumed, .closed])
            observer.cancel()
        }
    }

    @Test func whatIsDoneWithoutAConnectionIsDoneByTheNext() async throws {
        try await withClient { client, broker in
            var statuses = client.status.makeAsyncIterator()
            let old = try await client.subscribe("old")
            await broker.stop()
            try await wait(&statuses) { $0.isDisconnected }
            old.cancel()
            async let subscribing = client.subscribe("new")
            try await client.publish(bytes("1"), to: "elsewhere")
            try await broker.startAgain()
            let subscription = try await subscribing
            #expect(broker.bus.statistics.subscriptions == 1)
            #expect(broker.bus.statistics.inMessages == 1)
            try await client.publish(bytes("2"), to: "new")
            for try await message in subscription {
                #expect(text(message.payload) == "2")
                break
            }
        }
    }

    @Test(arguments: [false, true])
    func whoWaitsForRoomGoesOnWhenAllThatWaitedIsGoneWithItsConnection(isLeft: Bool) async throws {
        let server = try await SilentServer.start(greeting: SilentServer.greeting)
        let other = try await RestartableBroker.start()
        var configuration = ClientConfiguration()
        configuration.maximumPending = 1000
        configuration.pingInterval = .seconds(3600)
        configuration.lameDuckPatience = .milliseconds(10)
        let client = try await RivuletClient.connect("127.0.0.1:\(server.port)", other.url, configuration: configuration)
        // More than a socket takes.
        try await client.publish([UInt8](repeating: 0, count: 32 << 20), to: "a")
        async let waiting: Void = client.publish([1], to: "b")
        try await until { client.core.outbox.state.withLock { $0.inFlight > 0 && !$0.writers.isEmpty } }
        if isLeft { server.say("INFO {\"max_payload\":67108864,\"ldm\":true}\r\n") } else { server.hangUp() }
        try await waiting
        try await until { other.bus.statistics.inMessages == 1 }
        await client.close()
        await server.stop()
        await other.stop()
    }

    @Test func anotherServerIsUsedWhenOneIsGone() async throws {
        let first = try await RestartableBroker.start()
        let second = try await RestartableBroker.start()
        try await withRivuletClient(first.url, second.url) { client in
            var statuses = client.status.makeAsyncIterator()
            let subscription = try await client.subscribe("a")
            await first.stop()
            try await wait(&statuses) { $0.isReconnected }
            try second.bus.publish(BusMessage(subject: try Subject("a")))
            for try await _ in subscription { break }
        }
        await second.stop()
    }

    @Test func aLameDuckIsLeftForAnotherServer() async throws {
        let first = try await RestartableBroker.start { $0.lameDuckDuration = .seconds(30) }
        let second = try await RestartableBroker.start()
        try await withRivuletClient(first.url, second.url) { client in
            var statuses = client.status.makeAsyncIterator()
            async let drained: Void = first.bus.drain()
            try await wait(&statuses) { if case .lameDuck = $0 { true } else { false } }
            try await wait(&statuses) { $0.isReconnected }
            await drained
            try await client.flush()
            #expect(second.bus.statistics.connections == 1)
        }
        await first.stop()
        await second.stop()
    }

    @Test func aLameDuckAnswersWhatItWasAskedBeforeAndTheNextServerWhatComesThen() async throws {
        let first = try await RestartableBroker.start { $0.lameDuckDuration = .seconds(50) }
        let second = try await RestartableBroker.start()
        let (requests, arrive) = AsyncStream.makeStream(of: BusMessage.self)
        let slow = try first.bus.attach(SubjectPattern("ask"), queue: nil) { arrive.yield($0) }
        let (bus, answer) = (second.bus, bytes("second"))
        let quick = try bus.attach(SubjectPattern("ask"), queue: nil) { request in
            if let reply = request.reply { try? bus.publish(BusMessage(subject: reply, payload: answer)) }
        }
        var configuration = ClientConfiguration()
        configuration.requestTimeout = .seconds(50)
        configuration.lameDuckPatience = .seconds(50)
        try await withRivuletClient(first.url, second.url, configuration: configuration) { client in
            var statuses = client.status.makeAsyncIterator()
            var arrivals = requests.makeAsyncIterator()
            async let before = client.request("ask")
            let reply = try #require(await arrivals.next()?.reply)
            async let drained: Void = first.bus.drain()
            try await wait(&statuses) { if case .lameDuck = $0 { true } else { false } }
            async let after = client.request("ask")
            try first.bus.publish(BusMessage(subject: reply, payload: bytes("first")))
            #expect(text(try await before.payload) == "first")
            #expect(text(try await after.payload) == "second")
            await drained
        }
        slow.cancel()
        quick.cancel()
        await first.stop()
        await second.stop()
    }

    @Test func aLameDuckGetsAllThatWaitedToBeWrittenAndTheNextServerNoneOfIt() async throws {
        let duck = try await SilentServer.start(greeting: SilentServer.greeting)
        let next = try await RestartableBroker.start()
        var configuration = ClientConfiguration()
        configuration.maximumPending = 1 << 30
        configuration.requestTimeout = .seconds(50)
        configuration.lameDuckPatience = .seconds(50)
        try await withRivuletClient("127.0.0.1:\(duck.port)", next.url, configuration: configuration) { client in
            var statuses = client.status.makeAsyncIterator()
            try await client.publish([], to: "a")
            try await until { client.core.outbox.isClear }
            // More than a socket takes.
            try await client.publish([UInt8](repeating: 0, count: 32 << 20), to: "a")
            try await until { client.core.outbox.state.withLock { $0.inFlight > 0 } }
            async let answer = client.request("ask", [UInt8](repeating: UInt8(ascii: "x"), count: 2000))
            try await until { client.core.outbox.state.withLock { $0.pending > $0.inFlight + 2000 } }
            duck.say("INFO {\"max_payload\":67108864,\"ldm\":true}\r\n")
            try await wait(&statuses) { if case .lameDuck = $0 { true } else { false } }
            duck.say("PING\r\n")
            duck.listenToClients()
            try await until { duck.heard.hasSuffix("x\r\nPING\r\nPONG\r\n") }
            let inbox = try #require(duck.heard.split(separator: "PUB ask ").last?.split(separator: " ").first)
            duck.say("MSG \(inbox) 1 6\r\nanswer\r\nPONG\r\n")
            #expect(text(try await answer.payload) == "answer")
            try await wait(&statuses) { $0.isReconnected }
            try await client.flush()
            #expect(next.bus.statistics.inMessages == 0)
        }
        await duck.stop()
        await next.stop()
    }

    @Test func aLameDuckIsNotWaitedForForEver() async throws {
        let first = try await RestartableBroker.start { $0.lameDuckDuration = .seconds(50) }
        let second = try await RestartableBroker.start()
        let (requests, arrive) = AsyncStream.makeStream(of: BusMessage.self)
        let silent = try first.bus.attach(SubjectPattern("ask"), queue: nil) { arrive.yield($0) }
        var configuration = ClientConfiguration()
        configuration.requestTimeout = .seconds(50)
        configuration.lameDuckPatience = .milliseconds(10)
        try await withRivuletClient(first.url, second.url, configuration: configuration) { client in
            var arrivals = requests.makeAsyncIterator()
            async let answer = client.request("ask")
            _ = await arrivals.next()
            async let drained: Void = first.bus.drain()
            do {
                _ = try await answer
                Issue.record("nobody answers")
            } catch let error as BusError {
                #expect(error.code == .disconnected)
            }
            try await client.flush()
            await drained
        }
        silent.cancel()
        await first.stop()
        await second.stop()
    }

    @Test func aClientThatMayNotReconnectCloses() async throws {
        try await withClient {
            $0.maximumReconnectRounds = 0
        } _: { client, broker in
            let statuses = client.status
            let subscription = try await client.subscribe("a")
            await broker.stop()
            for try await _ in subscription { Issue.record("there is no message") }
            var last: ClientStatus?
            for await status in statuses { last = status }
            #expect(last?.description == "closed")
        }
    }

    @Test func aServerThatDoesNotAnswerPingsIsGivenUp() async throws {
        let deaf = try await SilentServer.start(greeting: "INFO {\"max_payload\":100}\r\nPONG\r\n")
        var configuration = ClientConfiguration()
        configuration.pingInterval = .milliseconds(10)
        configuration.maximumReconnectRounds = 0
        let client = try await RivuletClient.connect("127.0.0.1:\(deaf.port)", configuration: configuration)
        var statuses = client.status.makeAsyncIterator()
        try await wait(&statuses) { if case .disconnected(let reason) = $0 { reason.code == .stale } else { false } }
        #expect(!client.isConnected)
        await client.close()
        await deaf.stop()
    }
}
