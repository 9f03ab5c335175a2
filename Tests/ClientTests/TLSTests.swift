import RivuletBroker
import RivuletClient
import RivuletSubscriptions
import RivuletWire
import Testing

/// Encrypted connections, from both sides.
@Suite(.timeLimit(.minutes(1))) struct TLSTests {
    private func withServer(
        _ tls: BrokerTLSConfiguration, _ configure: (inout BrokerConfiguration) -> Void = { _ in },
        _ body: (RestartableBroker) async throws -> Void
    ) async throws {
        try await withBroker(
            {
                $0.tls = tls
                configure(&$0)
            }, body)
    }

    private func configuration(_ tls: ClientTLSConfiguration?, _ credentials: ClientCredentials? = nil) -> ClientConfiguration {
        var configuration = ClientConfiguration()
        configuration.tls = tls
        configuration.credentials = credentials
        configuration.reconnectWait = .milliseconds(5)
        return configuration
    }

    /// Sends a large message to itself.
    private func exchange(_ client: RivuletClient) async throws {
        let subscription = try await client.subscribe("a")
        let payload = (0..<900_000).map { UInt8(truncatingIfNeeded: $0) }
        try await client.publish(payload, to: "a")
        var messages = subscription.makeAsyncIterator()
        let message = try await messages.next()
        #expect(message?.payload == payload)
    }

    private func expectFailure(
        _ url: String, _ configuration: ClientConfiguration, _ code: ClientError.Code, sourceLocation: SourceLocation = #_sourceLocation
    ) async {
        let error = await #expect(throws: ClientError.self, sourceLocation: sourceLocation) {
            try await withRivuletClient(url, configuration: configuration) { try await $0.flush() }
        }
        #expect(error?.code == code, "\(error?.message ?? "")", sourceLocation: sourceLocation)
    }

    @Test(arguments: [false, true])
    func messagesTravelEncrypted(handshakeFirst: Bool) async throws {
        var server = Certificates.server()
        server.handshakeFirst = handshakeFirst
        try await withServer(server) { broker in
            var client = Certificates.client()
            client.handshakeFirst = handshakeFirst
            for host in ["nats://127.0.0.1", "tls://127.0.0.1", "tls://localhost"] {
                try await withRivuletClient("\(host):\(broker.port)", configuration: configuration(client)) { try await exchange($0) }
            }
        }
    }

    @Test func aServerIsTrustedOnlyWithACertificateOfItsOwnByAKnownAuthority() async throws {
        try await withServer(Certificates.server()) { broker in
            await expectFailure(broker.url, configuration(Certificates.client(authority: "stranger")), .tls)
            // What the system trusts does not include the tests' authority.
            await expectFailure(broker.url, configuration(nil), .tls)
            await expectFailure(broker.url, configuration(ClientTLSConfiguration(authorityFile: "/none.pem")), .tls)
        }
        try await withServer(Certificates.server("elsewhere")) { broker in
            await expectFailure("tls://127.0.0.1:\(broker.port)", configuration(Certificates.client()), .tls)
            await expectFailure("tls://localhost:\(broker.port)", configuration(Certificates.client()), .tls)
            var named = Certificates.client()
            named.serverName = "elsewhere.example.org"
            try await withRivuletClient(broker.url, configuration: configuration(named)) { try await $0.flush() }
        }
    }

    @Test func aClientThatWantsTLSDoesNotLogInWithoutIt() async throws {
        let broker = try await RestartableBroker.start()
        await expectFailure("tls://127.0.0.1:\(broker.port)", configuration(nil, .token("t")), .tls)
        await expectFailure(broker.url, configuration(Certificates.client()), .tls)
        await broker.stop()
    }

    @Test func clientsNeedACertificateWhereOneIsRequired() async throws {
        try await withServer(Certificates.server(clients: .required)) { broker in
            try await withRivuletClient(broker.url, configuration: configuration(Certificates.client("ann"))) { try await $0.flush() }
            for client in [Certificates.client(), Certificates.client("impostor")] {
                await #expect(throws: ClientError.self) {
                    try await withRivuletClient(broker.url, configuration: configuration(client)) { try await $0.flush() }
                }
            }
        }
    }

    @Test func aCertificateTellsWhoAClientIs() async throws {
        let auth = AuthConfiguration(users: [
            .init(
                certificateName: "ann@example.org",
                permissions: UserPermissions(publish: SubjectPermission(deny: [try SubjectPattern("a")]))),
            .init(certificateName: "urn:users:bob"), .init(name: "cid", password: Secret("c")),
        ])
        let anonymous = AuthConfiguration(users: auth.users, anonymousUser: "cid")
        try await withServer(Certificates.server(clients: .identify), { $0.auth = auth }) { broker in
            try await withRivuletClient(broker.url, configuration: configuration(Certificates.client("bob"))) { try await exchange($0) }
            try await withRivuletClient(broker.url, configuration: configuration(Certificates.client("ann"))) { client in
                var statuses = client.status.makeAsyncIterator()
                try await client.publish([], to: "a")
                try await wait(&statuses) { if case .serverError(let text) = $0 { text.contains("Publish to \"a\"") } else { false } }
            }
            await expectFailure(broker.url, configuration(Certificates.client("nobody")), .unauthorized)
            await expectFailure(broker.url, configuration(Certificates.client("nobody"), .user("cid", password: "c")), .unauthorized)
            // Whoever has no name there is not taken for anybody either.
            broker.bus.reload(auth: anonymous)
            await expectFailure(broker.url, configuration(Certificates.client("nobody")), .unauthorized)
            try await withRivuletClient(broker.url, configuration: configuration(Certificates.client("bob"))) { try await exchange($0) }
            // Nor does a name open what belongs to a certificate.
            broker.bus.reload(auth: AuthConfiguration(users: [.init(certificateName: "bob.example.org")]))
            try await withRivuletClient(broker.url, configuration: configuration(Certificates.client("bob"))) { try await $0.flush() }
        }
        try await withServer(Certificates.server(clients: .required), { $0.auth = auth }) { broker in
            await expectFailure(broker.url, configuration(Certificates.client("bob")), .unauthorized)
            await expectFailure(broker.url, configuration(Certificates.client("bob"), .user("urn:users:bob", password: "")), .unauthorized)
            let login = configuration(Certificates.client("nobody"), .user("cid", password: "c"))
            try await withRivuletClient(broker.url, configuration: login) { try await $0.flush() }
            broker.bus.reload(auth: anonymous)
            try await withRivuletClient(broker.url, configuration: configuration(Certificates.client("nobody"))) { try await $0.flush() }
        }
    }

    @Test func newConnectionsUseTheCertificatesThatWereReadLast() async throws {
        try await withServer(Certificates.server()) { broker in
            try await withRivuletClient(broker.url, configuration: configuration(Certificates.client())) { client in
                try await broker.bus.reload(tls: Certificates.server("other-server"))
                try await exchange(client)
                await expectFailure(broker.url, configuration(Certificates.client()), .tls)
                let stranger = configuration(Certificates.client(authority: "stranger"))
                try await withRivuletClient(broker.url, configuration: stranger) { try await $0.flush() }
                let error = await #expect(throws: BrokerError.self) { try await broker.bus.reload(tls: Certificates.server("none")) }
                #expect(error?.code == .cannotUseTLS)
                try await withRivuletClient(broker.url, configuration: stranger) { try await $0.flush() }
            }
        }
    }

    @Test func aBrokerWithoutUsableFilesDoesNotStart() async throws {
        for tls in [
            Certificates.server("none"),
            BrokerTLSConfiguration(certificateFile: Certificates.path("server"), keyFile: Certificates.path("ann-key")),
            BrokerTLSConfiguration(certificateFile: Certificates.path("server-key"), keyFile: Certificates.path("server")),
        ] {
            let error = await #expect(throws: BrokerError.self) { _ = try await RestartableBroker.start { $0.tls = tls } }
            #expect(error?.code == .cannotUseTLS)
        }
        let plain = try await RestartableBroker.start()
        await #expect(throws: BrokerError.self) { try await plain.bus.reload(tls: Certificates.server()) }
        await plain.stop()
    }

    @Test func aClientComesBackEncrypted() async throws {
        try await withServer(Certificates.server()) { broker in
            let client = try await RivuletClient.connect(broker.url, configuration: configuration(Certificates.client()))
            var statuses = client.status.makeAsyncIterator()
            await broker.stop()
            try await wait(&statuses) { $0.isDisconnected }
            try await broker.startAgain()
            try await wait(&statuses) { $0.isReconnected }
            try await exchange(client)
            await client.close()
        }
    }
}
