import RivuletBroker
import RivuletClient
import RivuletSubscriptions
import Testing

@Suite(.timeLimit(.minutes(1))) struct ConnectTests {
    @Test func aServerThatIsNotThereIsNamedWithTheReason() async throws {
        let broker = try await RestartableBroker.start()
        await broker.stop()
        do {
            _ = try await RivuletClient.connect(broker.url, "nats://name.invalid:1")
            Issue.record("connected to nothing")
        } catch {
            #expect(error.code == .cannotConnect)
            #expect(error.message.contains("\(broker.url) cannot be reached: Connection refused"))
            #expect(error.message.contains("nats://name.invalid:1"))
        }
    }

    @Test func theNextServerIsTried() async throws {
        let gone = try await RestartableBroker.start()
        await gone.stop()
        let broker = try await RestartableBroker.start()
        try await withRivuletClient(gone.url, broker.url) { client in
            try await client.flush()
            var statuses = client.status.makeAsyncIterator()
            guard case .connected(let address) = await statuses.next() else {
                Issue.record("not connected")
                return
            }
            #expect(address.port == broker.port)
        }
        await broker.stop()
    }

    @Test func aClientThatIsMadeWhereMessagesAreReceivedLivesThere() async throws {
        try await withClient { client, broker in
            let bus = broker.bus
            let threads = BoundedChannel<any DeliveringThread>(capacity: 16, whenFull: .fail)
            let attachment = try bus.attach(SubjectPattern("where"), queue: nil) { _ in
                if let thread = bus.deliveringThread { threads.send(thread) }
            }
            var found = threads.makeAsyncIterator()
            try await client.publish([], to: "where")
            let thread = try #require(try await found.next())
            for _ in 0..<8 {
                let other = try await withTaskExecutorPreference(thread) { try await RivuletClient.connect(broker.url) }
                let here = try other.attach(SubjectPattern("here"), queue: nil) { _ in
                    if let thread = bus.deliveringThread { threads.send(thread) }
                }
                try await other.publish([], to: "here")
                #expect(try await found.next() === thread)
                here.cancel()
                await other.close()
            }
            attachment.cancel()
        }
    }

    @Test func aServerThatDoesNotGreetIsGivenUp() async throws {
        let deaf = try await SilentServer.start()
        var configuration = ClientConfiguration()
        configuration.connectTimeout = .milliseconds(50)
        do {
            _ = try await RivuletClient.connect("127.0.0.1:\(deaf.port)", configuration: configuration)
            Issue.record("connected to a server that says nothing")
        } catch {
            #expect(error.code == .stale)
        }
        await deaf.stop()
    }

    @Test func aServerOfAnotherProtocolIsToldApart() async throws {
        let other = try await SilentServer.start(greeting: "HTTP/1.1 400 Bad Request\r\n\r\n")
        do {
            _ = try await RivuletClient.connect("127.0.0.1:\(other.port)")
            Issue.record("connected to a web server")
        } catch {
            #expect(error.code == .unreadable)
            #expect(error.message.contains("does not speak the NATS protocol"))
        }
        await other.stop()
    }

    @Test(arguments: [
        ("nats://h:1", "nats://h:1"), ("h", "nats://h:4222"), ("h:1/", "nats://h:1"), ("nats://[::1]:5", "nats://[::1]:5"),
        ("[::1]", "nats://[::1]:4222"), ("tls://h", "tls://h:4222"), ("nats://ann:secret@h", "nats://h:4222"),
    ])
    func addressesAreRead(text: String, expected: String) throws {
        #expect(try ServerAddress(parsing: text).description == expected)
    }

    @Test(arguments: [
        "", "nats://", "h:0", "h:x", "http://h", "ws://h", "nats://:secret@h", "nats://@h", "nats://u:%2@h", "nats://u:%ff@h", "::1", "a b",
    ])
    func whatIsNoAddressIsRefused(text: String) {
        #expect(throws: ClientError.self) { try ServerAddress(parsing: text) }
    }
}
