import RivuletBroker
import Synchronization
import TestSupport
import Testing

@testable import RivuletClient

@Suite(.timeLimit(.minutes(1))) struct PublishSubscribeTests {
    @Test func messagesComeInOrderWithReplyAndHeaders() async throws {
        try await withClient { client, _ in
            let subscription = try await client.subscribe("chat.*")
            for number in 0..<1000 {
                try await client.publish(bytes("\(number)"), to: "chat.room", reply: "answer", headers: ["N": "\(number)", "N": "2"])
            }
            var number = 0
            for try await message in subscription {
                #expect(text(message.payload) == "\(number)")
                #expect(message.subject.description == "chat.room")
                #expect(message.reply?.description == "answer")
                #expect(message.headers.values("N") == ["\(number)", "2"])
                number += 1
                if number == 1000 { break }
            }
        }
    }

    @Test func aMessageOfManyReadsArrivesWhole() async throws {
        try await withClient { client, _ in
            let subscription = try await client.subscribe("big")
            let payload = (0..<900_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
            try await client.publish(payload, to: "big")
            try await client.publish([], to: "big")
            var sizes: [Int] = []
            for try await message in subscription {
                sizes.append(message.payload.count)
                if message.payload.isEmpty { break }
                #expect(message.payload == payload)
            }
            #expect(sizes == [900_000, 0])
        }
    }

    @Test func oneMemberOfAQueueGroupGetsEachMessage() async throws {
        try await withClient { client, _ in
            let first = try await client.subscribe("work", SubscriptionOptions(queue: "workers"))
            let second = try await client.subscribe("work", SubscriptionOptions(queue: "workers"))
            for number in 0..<100 { try await client.publish(bytes("\(number)"), to: "work") }
            try await client.flush()
            first.cancel()
            second.cancel()
            var seen: [String] = []
            for try await message in first { seen.append(text(message.payload)) }
            for try await message in second { seen.append(text(message.payload)) }
            #expect(Set(seen).count == 100)
            #expect(seen.count == 100)
        }
    }

    @Test(arguments: ["", "a b", "a\tb", "a\r\nPUB b 0\r\n", "a\u{7F}"])
    func aQueueGroupHasAName(_ queue: String) async throws {
        try await withClient { client, broker in
            let error = await #expect(throws: BusError.self) { _ = try await client.subscribe("a", SubscriptionOptions(queue: queue)) }
            #expect(error?.code == .forbidden)
            #expect(throws: BusError.self) { _ = try client.attach(SubjectPattern("a"), queue: queue) { _ in } }
            try await client.flush()
            #expect(broker.bus.statistics.subscriptions == 0)
            #expect(broker.bus.statistics.inMessages == 0)
            #expect(broker.bus.statistics.totalConnections == 1)
        }
    }

    @Test func aCancelledSubscriptionGetsNoMore() async throws {
        try await withClient { client, broker in
            let subscription = try await client.subscribe("a")
            try await client.publish(bytes("1"), to: "a")
            try await client.flush()
            #expect(broker.bus.statistics.subscriptions == 1)
            subscription.cancel()
            try await client.flush()
            #expect(broker.bus.statistics.subscriptions == 0)
            var seen: [String] = []
            for try await message in subscription { seen.append(text(message.payload)) }
            #expect(seen == ["1"])
        }
    }

    @Test func withoutEchoAClientDoesNotHearItself() async throws {
        try await withClient {
            $0.echo = false
        } _: { client, broker in
            let subscription = try await client.subscribe("a")
            try await client.publish(bytes("own"), to: "a")
            try await client.flush()
            try broker.bus.publish(BusMessage(subject: try Subject("a"), payload: bytes("other")))
            for try await message in subscription {
                #expect(text(message.payload) == "other")
                break
            }
        }
    }

    @Test func wrongSubjectsAreRefusedBeforeTheyAreSent() async throws {
        try await withClient { client, _ in
            await #expect(throws: SubjectError.self) { try await client.publish([], to: "a b") }
            await #expect(throws: SubjectError.self) { try await client.publish([], to: "a.*") }
            await #expect(throws: SubjectError.self) { _ = try await client.subscribe("a..b") }
            await #expect(throws: SubjectError.self) { _ = try await client.request("") }
            try await client.flush()
        }
    }

    @Test func whatTheServerDoesNotTakeIsRefusedBeforeItIsSent() async throws {
        try await withClient { client, _ in
            let large = [UInt8](repeating: 0, count: WireLimits.server.payload + 1)
            await #expect(throws: BusError.self) { try await client.publish(large, to: "a") }
            await #expect(throws: BusError.self) {
                try await client.publish(Array(large.dropLast(2)), to: "a", headers: ["A": "b"])
            }
            try await client.publish(Array(large.dropLast()), to: "a")
            try await client.flush()
            #expect(client.isConnected)
        }
    }

    @Test func subjectsThatAreTooLongAreRefusedBeforeTheyAreSent() async throws {
        try await withClient { client, broker in
            // A line holds the subject, a blank and "0".
            let longest = String(repeating: "a", count: WireLimits.server.controlLine - 2)
            try await client.publish([], to: longest)
            let error = await #expect(throws: BusError.self) { try await client.publish([], to: longest + "a") }
            #expect(error?.code == .limit)
            await #expect(throws: BusError.self) { try await client.publish(bytes("0123456789"), to: longest) }
            await #expect(throws: BusError.self) { try await client.publish([], to: longest, headers: ["A": "b"]) }
            await #expect(throws: BusError.self) { try await client.publish([], to: "a", reply: longest) }
            await #expect(throws: BusError.self) { _ = try await client.request(longest) }
            await #expect(throws: BusError.self) { _ = try await client.subscribe(longest + "a") }
            try await client.flush()
            #expect(broker.bus.statistics.inMessages == 1)
            #expect(broker.bus.statistics.totalConnections == 1)
        }
    }

    @Test func theServersComplaintsAreTold() async throws {
        try await withClient { client, _ in
            var statuses = client.status.makeAsyncIterator()
            try await client.publish([], to: "evt.Forged.1.Event")
            try await wait(&statuses) { if case .serverError(let text) = $0 { text.contains("evt.Forged.1.Event") } else { false } }
        }
    }

    @Test func oneSubscriptionTooManyIsRefusedAndTheOthersStay() async throws {
        try await withBroker({ $0.maximumSubscriptions = 2 }) { broker in
            try await withRivuletClient(broker.url) { client in
                let first = try await client.subscribe("a")
                let second = try await client.subscribe("b")
                let error = await #expect(throws: BusError.self) { _ = try await client.subscribe("c") }
                #expect(error?.code == .limit)
                first.cancel()
                let third = try await client.subscribe("c")
                try await client.publish([], to: "b")
                try await client.publish([], to: "c")
                for try await _ in second { break }
                for try await _ in third { break }
                #expect(broker.bus.statistics.totalConnections == 1)
            }
        }
    }

    @Test func aRefusedQueueSubscriptionEndsNoOtherOfItsSubject() async throws {
        let server = try await SilentServer.start(greeting: SilentServer.greeting)
        let client = try await RivuletClient.connect("127.0.0.1:\(server.port)")
        let (messages, arrive) = AsyncStream.makeStream(of: String.self)
        let plain = try client.attach(SubjectPattern("a"), queue: nil) { arrive.yield("plain \(text($0.payload))") }
        let member = try client.attach(SubjectPattern("a"), queue: "q") { arrive.yield("member \(text($0.payload))") }
        server.say("-ERR 'Permissions Violation for Subscription to \"a\" using queue \"q\"'\r\n")
        server.say("MSG a 2 1\r\n2\r\nMSG a 1 1\r\n1\r\n")
        var arrivals = messages.makeAsyncIterator()
        #expect(await arrivals.next() == "plain 1")
        plain.cancel()
        member.cancel()
        await server.stop()
        await client.close()
    }

    @Test func aPingIsAnsweredBehindTheMessageThatIsBeingWritten() async throws {
        let server = try await SilentServer.start(greeting: SilentServer.greeting)
        var configuration = ClientConfiguration()
        configuration.maximumPending = 1 << 30
        try await withRivuletClient("127.0.0.1:\(server.port)", configuration: configuration) { client in
            let outbox = client.core.outbox
            try await client.publish([], to: "a")
            try await until { outbox.isClear }
            // More than a socket takes.
            try await client.publish([UInt8](repeating: UInt8(ascii: "x"), count: 32 << 20), to: "a")
            try await until { outbox.state.withLock { $0.inFlight > 0 } }
            server.say("PING\r\n")
            try await until { outbox.state.withLock { $0.pending > $0.inFlight } }
            server.listenToClients()
            try await until { server.heard.hasSuffix("x\r\nPONG\r\n") }
            server.hangUp()
        }
        await server.stop()
    }

    @Test func onlyTheConnectionsOwnThreadWrites() async throws {
        try await withClient { client, broker in
            let outbox = client.core.outbox
            // As if the thread of an earlier connection had been asked.
            outbox.state.withLock { $0.isDirty = true }
            try client.publish(BusMessage(subject: try Subject("a")))
            outbox.write()
            #expect(outbox.state.withLock { $0.pending > 0 && $0.isDirty })
            outbox.state.withLock { $0.isDirty = false }
            try await client.flush()
            #expect(broker.bus.statistics.inMessages == 1)
        }
    }

    @Test func aFullOutboxSaysSoOrLetsWait() async throws {
        try await withClient {
            $0.maximumPending = 10_000
        } _: { client, broker in
            var statuses = client.status.makeAsyncIterator()
            await broker.stop()
            try await wait(&statuses) { $0.isDisconnected }
            let message = BusMessage(subject: try Subject("a"), payload: [UInt8](repeating: 0, count: 1000))
            var refused: BusError?
            var accepted = 0
            while refused == nil, accepted < 100 {
                do throws(BusError) {
                    try client.publish(message)
                    accepted += 1
                } catch {
                    refused = error
                }
            }
            #expect(refused?.code == .full)
            #expect((8...11).contains(accepted))
            async let waiting: Void = client.publish(message.payload, to: "b")
            try await broker.startAgain()
            try await waiting
            try await client.flush()
            #expect(broker.bus.statistics.inMessages == UInt64(accepted + 1))
        }
    }
}
