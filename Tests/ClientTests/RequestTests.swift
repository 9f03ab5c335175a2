import RivuletBroker
import RivuletClient
import RivuletSubscriptions
import Testing

@Suite(.timeLimit(.minutes(1))) struct RequestTests {
    private func code(_ body: () async throws -> Void) async -> BusError.Code? {
        do {
            try await body()
            return nil
        } catch {
            return (error as? BusError)?.code
        }
    }

    @Test func theReplyComesBack() async throws {
        try await withClient { client, broker in
            let bus = broker.bus
            let service = try bus.attach(SubjectPattern("add.one"), queue: nil) { request in
                guard let reply = request.reply else { return }
                try? bus.publish(BusMessage(subject: reply, headers: ["Got": request.headers["A"] ?? ""], payload: request.payload + [1]))
            }
            let reply = try await client.request("add.one", [7], headers: ["A": "b"])
            #expect(reply.payload == [7, 1])
            #expect(reply.headers["Got"] == "b")
            service.cancel()
        }
    }

    @Test func manyRequestsOnOneConnectionGetTheirOwnReplies() async throws {
        try await withClient { client, broker in
            let bus = broker.bus
            let service = try bus.attach(SubjectPattern("echo"), queue: nil) { request in
                guard let reply = request.reply else { return }
                try? bus.publish(BusMessage(subject: reply, payload: request.payload))
            }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<500 {
                    group.addTask {
                        let reply = try await client.request("echo", bytes("\(number)"))
                        #expect(text(reply.payload) == "\(number)")
                    }
                }
                try await group.waitForAll()
            }
            service.cancel()
        }
    }

    @Test func nobodyThereIsToldAtOnce() async throws {
        try await withClient { client, _ in
            #expect(await code { _ = try await client.request("nobody", timeout: .seconds(50)) } == .noResponders)
        }
    }

    @Test func aRequestEndsAtItsDeadline() async throws {
        try await withClient { client, broker in
            let silent = try broker.bus.attach(SubjectPattern("silent"), queue: nil) { _ in }
            #expect(await code { _ = try await client.request("silent", timeout: .milliseconds(20)) } == .timeout)
            silent.cancel()
        }
    }

    @Test func aRequestUnderWayFailsWhenTheConnectionBreaks() async throws {
        try await withClient { client, broker in
            let (requests, arrived) = AsyncStream.makeStream(of: Void.self)
            let silent = try broker.bus.attach(SubjectPattern("silent"), queue: nil) { _ in arrived.yield() }
            async let failure = code { _ = try await client.request("silent", timeout: .seconds(50)) }
            for await _ in requests { break }
            await broker.stop()
            #expect(await failure == .disconnected)
            silent.cancel()
        }
    }

    @Test func aRequestUnderWayFailsWhenTheClientCloses() async throws {
        try await withClient { client, broker in
            let (requests, arrived) = AsyncStream.makeStream(of: Void.self)
            let silent = try broker.bus.attach(SubjectPattern("silent"), queue: nil) { _ in arrived.yield() }
            async let failure = code { _ = try await client.request("silent", timeout: .seconds(50)) }
            for await _ in requests { break }
            await client.close()
            let code = await failure
            #expect(code == .disconnected || code == .closed)
            silent.cancel()
        }
    }

    // MARK: - Objects

    struct Greet: Message {
        typealias Reply = Greeting
        static let errors: [any ServiceError.Type] = [TooRude.self]
        var name: String
    }

    struct Greeting: Codable, Sendable { var text: String }

    struct TooRude: ServiceError, Equatable { var word: String }

    /// Answers as an object does.
    private func host(_ bus: any MessageBus) throws -> RivuletSubscriptions.Attachment {
        try bus.attach(SubjectPattern("obj.Greeter.*.Greet"), queue: nil) { request in
            guard let reply = request.reply, let greet = try? JSONPayload.decode(Greet.self, from: request.payload) else { return }
            if greet.name == "idiot" {
                let error = CallError(refusedWith: TooRude(word: greet.name))
                try? bus.publish(BusMessage(subject: reply, headers: error.headers, payload: error.body))
            } else {
                let payload = try? JSONPayload.encode(Greeting(text: "hello \(greet.name)"))
                try? bus.publish(BusMessage(subject: reply, payload: payload ?? []))
            }
        }
    }

    @Test func objectsAreCalledWithTypes() async throws {
        try await withClient { client, broker in
            let service = try host(broker.bus)
            let greeter = client.object("Greeter", "a.b c")
            #expect(try await greeter.ask(Greet(name: "ann")).text == "hello ann")
            await #expect(throws: TooRude(word: "idiot")) { _ = try await greeter.ask(Greet(name: "idiot")) }
            service.cancel()
        }
    }

    @Test func anObjectThatNobodyServesIsUnavailable() async throws {
        try await withClient { client, _ in
            do {
                _ = try await client.object("Nobody", "1").ask(Greet(name: "ann"))
                Issue.record("nobody answered")
            } catch let error as CallError {
                #expect(error.code == .unavailable)
            }
        }
    }
}
