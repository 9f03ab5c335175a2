import RivuletBroker
import RivuletClient
import RivuletSubscriptions
import RivuletWire
import Testing

/// Logging in, and what happens when that is refused.
@Suite(.timeLimit(.minutes(1))) struct LoginTests {
    private static let seed = "SUAMLK2ZNL35WSMW37E7UD4VZ7ELPKW7DHC3BWBSD2GCZ7IUQQXZIORRBU"
    private static let key = "UCK5N7N66OBOINFXAYC2ACJQYFSOD4VYNU6APEJTAVFZB2SVHLKGEW7L"
    private static let otherSeed = "SUAKESAVHYF5F3QA2D26BLQ5WXSV7AHTX2RLWP6NYKWHJHXBCJHLZE4WTA"

    private static func auth() throws -> AuthConfiguration {
        AuthConfiguration(
            token: Secret("t0/ken"), users: [.init(name: "ann", password: Secret("p@ss:word")), .init(key: try UserKey(key))])
    }

    private func configuration(_ credentials: ClientCredentials?) -> ClientConfiguration {
        var configuration = ClientConfiguration()
        configuration.credentials = credentials
        configuration.reconnectWait = .milliseconds(5)
        return configuration
    }

    private func withServer(_ body: (RestartableBroker) async throws -> Void) async throws {
        let auth = try Self.auth()
        try await withBroker({ $0.auth = auth }, body)
    }

    @Test func aClientGetsInByPasswordTokenAndKey() async throws {
        try await withServer { broker in
            for credentials in [
                .user("ann", password: "p@ss:word"), .token("t0/ken"), .key(try UserSeed(Self.seed)),
            ] as [ClientCredentials] {
                try await withRivuletClient(broker.url, configuration: configuration(credentials)) { try await $0.flush() }
            }
            for login in ["ann:p%40ss%3Aword", "ann:p@ss:word", "t0%2Fken"] {
                try await withRivuletClient("nats://\(login)@127.0.0.1:\(broker.port)") { try await $0.flush() }
            }
        }
    }

    @Test func wrongCredentialsAreAnErrorOfTheirOwnThatDoesNotShowThem() async throws {
        try await withServer { broker in
            for credentials in [
                nil, .user("ann", password: "hush"), .user("hush", password: "p@ss:word"), .token("hush"),
                .key(try UserSeed(Self.otherSeed)),
            ] as [ClientCredentials?] {
                let error = await #expect(throws: ClientError.self) {
                    _ = try await RivuletClient.connect(broker.url, configuration: configuration(credentials))
                }
                #expect(error?.code == .unauthorized)
                #expect(error?.message.contains("hush") == false)
            }
            let error = await #expect(throws: ClientError.self) {
                _ = try await RivuletClient.connect("nats://ann:hush@127.0.0.1:\(broker.port)", "nats://hush@localhost:\(broker.port)")
            }
            #expect(error?.code == .unauthorized)
            #expect(error?.message.contains("hush") == false)
            #expect(!"\(ClientCredentials.token("hush")) \(String(reflecting: configuration(.token("hush"))))".contains("hush"))
        }
    }

    @Test func whoIsNotLetInAnyMoreGivesUp() async throws {
        try await withServer { broker in
            let client = try await RivuletClient.connect(broker.url, configuration: configuration(.token("t0/ken")))
            var statuses = client.status.makeAsyncIterator()
            broker.bus.reload(auth: AuthConfiguration(token: Secret("other")))
            var last: ClientError?
            var rounds = 0
            while let status = await statuses.next() {
                switch status {
                case .disconnected(let error): last = error
                case .reconnecting: rounds += 1
                default: break
                }
            }
            #expect(last?.code == .unauthorized)
            #expect(rounds == 2)
            await client.close()
        }
    }

    @Test func aClientThatIsLetInAgainStays() async throws {
        try await withServer { broker in
            let client = try await RivuletClient.connect(broker.url, configuration: configuration(.token("t0/ken")))
            var statuses = client.status.makeAsyncIterator()
            await broker.stop()
            try await wait(&statuses) { $0.isDisconnected }
            try await broker.startAgain()
            try await wait(&statuses) { $0.isReconnected }
            try await client.flush()
            await client.close()
        }
    }

    @Test func aSubscriptionThatIsNotAllowedFailsAlsoInAQueueGroup() async throws {
        let permissions = UserPermissions(subscribe: SubjectPermission(deny: [try SubjectPattern("no.>")]))
        let broker = try await RestartableBroker.start {
            $0.auth = AuthConfiguration(token: Secret("t"), defaultPermissions: permissions)
        }
        try await withRivuletClient(broker.url, configuration: configuration(.token("t"))) { client in
            for options in [SubscriptionOptions(), SubscriptionOptions(queue: "q")] {
                let error = await #expect(throws: BusError.self) { _ = try await client.subscribe("no.1", options) }
                #expect(error?.code == .forbidden)
            }
            _ = try await client.subscribe("yes")
        }
        await broker.stop()
    }
}
