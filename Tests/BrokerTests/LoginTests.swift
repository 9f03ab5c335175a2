import RivuletBroker
import RivuletSubscriptions
import RivuletWire
import Testing

/// Getting in: by token, password or key, in time, and for how long.
@Suite(.timeLimit(.minutes(1)))
struct LoginTests {
    private static let hashOfSecret = [
        "$2a$04$pXBuo9CHwKqMoHbqy6yu6O4EEQz/mrpc5EIwq7faygpteJysRR04u",
        "$2b$04$3qFAPxBQahxRv0PK/eIIAeDqnK4lPA6n1ytvODGhOnFKoVz06AbXK",
        "$2y$04$3qFAPxBQahxRv0PK/eIIAeDqnK4lPA6n1ytvODGhOnFKoVz06AbXK",
    ]
    private static let hashOfToken = "$2b$04$A.DwDMab7jvqPtwV.1HYRuvYnBVhs5wDPBs0HFrKzQ1v38dwz3.oC"

    private func expectRefusal(_ address: Broker.Address, _ options: String, sourceLocation: SourceLocation = #_sourceLocation) async throws
    {
        let (client, info) = try await TestClient.connect(to: address)
        #expect(info.authRequired)
        client.send("CONNECT {\"verbose\":false\(options)}\r\nSUB a 1\r\nPUB a 0\r\n\r\nPING\r\n")
        await client.expectEnd("-ERR 'Authorization Violation'\r\n", sourceLocation: sourceLocation)
    }

    @Test(arguments: ["s3cret"] + hashOfSecret)
    func aUserGetsInWithTheRightPasswordOnly(secret: String) async throws {
        try await withBroker {
            $0.auth = AuthConfiguration(users: [.init(name: "ann", password: Secret(secret))])
            $0.authenticationTimeout = .seconds(60)
        } _: { broker, address in
            // What was sent along with CONNECT is carried out once the client is in.
            let (client, info) = try await TestClient.connect(to: address)
            #expect(info.authRequired)
            #expect(info.nonce == nil)
            client.send("CONNECT {\"user\":\"ann\",\"pass\":\"s3cret\"}\r\nSUB a 1\r\nPUB a 0\r\n\r\nPING\r\n")
            await client.expect("+OK\r\n+OK\r\n+OK\r\nMSG a 1 0\r\n\r\nPONG\r\n")
            await client.expect(sending: "PING\r\n", "PONG\r\n")
            for wrong in [
                "", ",\"user\":\"ann\"", ",\"user\":\"ann\",\"pass\":\"\"", ",\"user\":\"ann\",\"pass\":\"s3cres\"",
                ",\"user\":\"bob\",\"pass\":\"s3cret\"", ",\"user\":\"ann\",\"pass\":\"s3cret\\u0000\"",
                ",\"user\":\"\",\"pass\":\"s3cret\"",
                ",\"auth_token\":\"s3cret\"", ",\"user\":\"ann\",\"pass\":\"\(secret)x\"",
            ] { try await expectRefusal(address, wrong) }
            #expect(broker.statistics.subscriptions == 1)
        }
    }

    @Test(arguments: ["t0ken", hashOfToken])
    func aTokenLetsIn(secret: String) async throws {
        try await withBroker {
            $0.auth = AuthConfiguration(token: Secret(secret))
        } _: { _, address in
            _ = try await TestClient.ready(address, ",\"auth_token\":\"t0ken\"")
            try await expectRefusal(address, ",\"auth_token\":\"t0kem\"")
            try await expectRefusal(address, ",\"user\":\"t0ken\",\"pass\":\"t0ken\"")
        }
    }

    @Test func keysNeedASignatureOfTheNonceWhichDiffersEachTime() async throws {
        let key = "UCK5N7N66OBOINFXAYC2ACJQYFSOD4VYNU6APEJTAVFZB2SVHLKGEW7L"
        let user = try AuthConfiguration.User(key: UserKey(key))
        try await withBroker {
            $0.auth = AuthConfiguration(users: [user])
        } _: { _, address in
            let (first, second) = (try await TestClient.connect(to: address).info, try await TestClient.connect(to: address).info)
            #expect(first.nonce?.utf8.count == 15)
            #expect(first.nonce != second.nonce)
            let zeros = TextEncoding.base64.encode([UInt8](repeating: 0, count: 64))
            for wrong in [
                "", ",\"nkey\":\"\(key)\"", ",\"nkey\":\"\(key)\",\"sig\":\"\(zeros)\"", ",\"nkey\":\"\(key)\",\"sig\":\"x\"",
                ",\"nkey\":\"nonsense\",\"sig\":\"\(zeros)\"", ",\"user\":\"\(key)\",\"pass\":\"\"",
            ] { try await expectRefusal(address, wrong) }
        }
    }

    @Test func nothingButConnectWorksBeforeTheLogin() async throws {
        try await withBroker {
            $0.auth = AuthConfiguration(token: Secret("t"))
            $0.authenticationTimeout = .seconds(60)
        } _: { _, address in
            for said in ["PING\r\n", "SUB a 1\r\n", "PUB a 0\r\n\r\n", "UNSUB 1\r\n", "PONG\r\n", "GET / HTTP/1.1\r\n"] {
                let (client, _) = try await TestClient.connect(to: address)
                client.send(said + "CONNECT {\"auth_token\":\"t\"}\r\n")
                await client.expectEnd("-ERR 'Authorization Violation'\r\n")
            }
        }
    }

    @Test func whoSaysNothingOrDribblesIsCutInTime() async throws {
        try await withBroker {
            $0.auth = AuthConfiguration(token: Secret("t"))
            $0.authenticationTimeout = .milliseconds(100)
        } _: { broker, address in
            let (silent, _) = try await TestClient.connect(to: address)
            let (slow, _) = try await TestClient.connect(to: address)
            slow.send("CONNECT {\"auth_token\":")
            await silent.expectEnd("-ERR 'Authentication Timeout'\r\n")
            await slow.expectEnd("-ERR 'Authentication Timeout'\r\n")
        }
    }

    @Test func beforeTheLoginACommandIsOnlySoLong() async throws {
        try await withBroker {
            $0.auth = AuthConfiguration(token: Secret("t"))
            $0.authenticationTimeout = .seconds(60)
            $0.limits.controlLine = 100
            $0.maximumBytesBeforeConnect = 80
        } _: { _, address in
            let least = "CONNECT {\"auth_token\":\"t\",\"verbose\":false,\"name\":\"\"}\r\n".utf8.count
            func connect(_ bytes: Int) -> [UInt8] {
                let name = String(repeating: "n", count: bytes - least)
                return Array("CONNECT {\"auth_token\":\"t\",\"verbose\":false,\"name\":\"\(name)\"}\r\n".utf8)
            }
            // At the limit, byte by byte; one past it, without an end.
            let (client, _) = try await TestClient.connect(to: address)
            for byte in connect(80) { try await client.sendAndWait([byte]) }
            await client.expect(sending: "PING\r\n", "PONG\r\n")
            let (long, _) = try await TestClient.connect(to: address)
            long.send(Array(connect(90).prefix(81)))
            await long.expectEnd("-ERR 'Authorization Violation'\r\n")
        }
    }

    @Test func beforeTheLoginNoRoomIsMadeForMessages() async throws {
        try await withBroker {
            $0.auth = AuthConfiguration(token: Secret("t"))
            $0.authenticationTimeout = .seconds(60)
            $0.maximumBytesBeforeConnect = 1000
        } _: { broker, address in
            let (client, _) = try await TestClient.connect(to: address)
            client.send("PUB a 1000000\r\n" + String(repeating: "x", count: 1001 - 15))
            await client.expectEnd("-ERR 'Authorization Violation'\r\n")
            #expect(broker.statistics.inMessages == 0)
        }
    }

    @Test func aSecondConnectIsJudgedLikeTheFirst() async throws {
        try await withBroker {
            $0.auth = AuthConfiguration(users: [.init(name: "ann", password: Secret("a")), .init(name: "bob", password: Secret("b"))])
        } _: { _, address in
            let client = try await TestClient.ready(address, ",\"user\":\"ann\",\"pass\":\"a\"")
            await client.expect(sending: "CONNECT {\"user\":\"bob\",\"pass\":\"b\"}\r\nPING\r\n", "PONG\r\n")
            client.send("CONNECT {\"user\":\"bob\",\"pass\":\"a\"}\r\nPING\r\n")
            await client.expectEnd("-ERR 'Authorization Violation'\r\n")
        }
        try await withBroker {
            $0.auth = AuthConfiguration(users: [.init(name: "ann", password: Secret(Self.hashOfSecret[0]))])
        } _: { _, address in
            let client = try await TestClient.ready(address, ",\"user\":\"ann\",\"pass\":\"s3cret\"")
            client.send("CONNECT {\"user\":\"ann\",\"pass\":\"s3cres\"}\r\nPING\r\n")
            await client.expectEnd("-ERR 'Authorization Violation'\r\n")
        }
    }

    @Test func aLoginEndsAtItsDeadline() async throws {
        func users(_ deadline: Timestamp?) -> AuthConfiguration {
            AuthConfiguration(users: [.init(name: "ann", password: Secret("a"), deadline: deadline)])
        }
        let past = Timestamp(nanoseconds: SystemTime().wallTime.nanoseconds - 1)
        try await withBroker {
            $0.auth = users(nil)
        } _: { broker, address in
            let client = try await TestClient.ready(address, ",\"user\":\"ann\",\"pass\":\"a\"")
            broker.reload(auth: users(Timestamp(nanoseconds: SystemTime().wallTime.nanoseconds + 3_600_000_000_000)))
            await client.expect(sending: "PING\r\n", "PONG\r\n")
            broker.reload(auth: users(Timestamp(nanoseconds: SystemTime().wallTime.nanoseconds + 200_000_000)))
            await client.expectEnd("-ERR 'User Authentication Expired'\r\n")
            broker.reload(auth: users(past))
            try await expectRefusal(address, ",\"user\":\"ann\",\"pass\":\"a\"")
        }
    }

    @Test(arguments: ["a"] + hashOfSecret.prefix(1))
    func whoSaysNothingIsTakenForTheAnonymousUser(secret: String) async throws {
        let permissions = UserPermissions(subscribe: SubjectPermission(deny: [try SubjectPattern("no")]))
        try await withBroker {
            $0.auth = AuthConfiguration(
                token: Secret("t"),
                users: [.init(name: "ann", password: Secret(secret), permissions: permissions), .init(name: "bob", password: Secret("b"))],
                anonymousUser: "ann")
            $0.maximumBytesBeforeConnect = 100
        } _: { broker, address in
            let violation = "-ERR 'Permissions Violation for Subscription to \"no\"'\r\n"
            for options in ["", ",\"user\":\"\",\"pass\":\"\",\"auth_token\":\"\"", ",\"nkey\":\"U\",\"jwt\":\"x\",\"sig\":\"y\""] {
                let (client, info) = try await TestClient.connect(to: address)
                #expect(!info.authRequired)
                client.send("CONNECT {\"verbose\":false,\"pedantic\":false\(options)}\r\nSUB no 1\r\nPING\r\n")
                await client.expect(violation + "PONG\r\n")
                #expect(broker.connections().contains { $0.user == "ann" })
                client.close()
            }
            // Nor need it CONNECT, or be short.
            let text = String(repeating: "x", count: 1000)
            for (said, answer) in [
                ("PING\r\n", "PONG\r\n"), ("SUB yes 1\r\n", "+OK\r\n"), ("UNSUB 1\r\n", "+OK\r\n"), ("PONG\r\n", ""), ("+OK\r\n", ""),
                ("PUB yes 1000\r\n\(text)\r\n", "+OK\r\n"),
            ] {
                let (client, _) = try await TestClient.connect(to: address)
                await client.expect(sending: said, answer)
                await client.expect(sending: "SUB no 1\r\nPING\r\n", violation + "PONG\r\n")
                // It may say later who it is.
                await client.expect(
                    sending: "CONNECT {\"verbose\":false,\"user\":\"bob\",\"pass\":\"b\"}\r\nSUB no 2\r\nPING\r\n", "PONG\r\n")
                client.send("CONNECT {\"pass\":\"a\"}\r\n")
                await client.expectEnd("-ERR 'Authorization Violation'\r\n")
            }
            _ = try await TestClient.ready(address, ",\"auth_token\":\"t\"")
            for wrong in [
                "\"user\":\"ann\"", "\"pass\":\"a\"", "\"auth_token\":\"u\"", "\"user\":\"cid\"", "\"user\":\"bob\",\"pass\":\"x\"",
            ] {
                let (client, _) = try await TestClient.connect(to: address)
                client.send("CONNECT {\(wrong)}\r\nPING\r\n")
                await client.expectEnd("-ERR 'Authorization Violation'\r\n")
            }
        }
    }

    @Test func whoIsAnonymousHasNotForeverEither() async throws {
        try await withBroker {
            $0.auth = AuthConfiguration(users: [.init(name: "ann", password: Secret("a"))], anonymousUser: "ann")
            $0.authenticationTimeout = .milliseconds(100)
        } _: { _, address in
            let (silent, _) = try await TestClient.connect(to: address)
            let (slow, _) = try await TestClient.connect(to: address)
            slow.send("CONN")
            await silent.expectEnd("-ERR 'Authentication Timeout'\r\n")
            await slow.expectEnd("-ERR 'Authentication Timeout'\r\n")
        }
    }

    @Test func keysCountAlsoWhereTheAnonymousMayComeIn() async throws {
        let key = "UCK5N7N66OBOINFXAYC2ACJQYFSOD4VYNU6APEJTAVFZB2SVHLKGEW7L"
        let user = try AuthConfiguration.User(key: UserKey(key))
        try await withBroker {
            $0.auth = AuthConfiguration(users: [user, .init(name: "ann", password: Secret("a"))], anonymousUser: "ann")
        } _: { _, address in
            _ = try await TestClient.ready(address, "")
            let (client, info) = try await TestClient.connect(to: address)
            #expect(info.nonce != nil && !info.authRequired)
            client.send("CONNECT {\"nkey\":\"\(key)\",\"sig\":\"x\"}\r\n")
            await client.expectEnd("-ERR 'Authorization Violation'\r\n")
        }
    }

    @Test func anAnonymousUserWhoDoesNotExistLetsNobodyIn() async throws {
        try await withBroker {
            $0.auth = AuthConfiguration(users: [.init(name: "ann", password: Secret("a"))], anonymousUser: "bob")
        } _: { _, address in
            try await expectRefusal(address, "")
        }
    }

    @Test func nobodyGetsInWhereNobodyIsKnown() async throws {
        try await withBroker {
            $0.auth = AuthConfiguration()
        } _: { _, address in
            try await expectRefusal(address, "")
            try await expectRefusal(address, ",\"auth_token\":\"\",\"user\":\"\",\"pass\":\"\"")
        }
    }

    @Test func secretsDoNotShow() {
        var configuration = BrokerConfiguration()
        configuration.auth = AuthConfiguration(token: Secret("hush"), users: [.init(name: "ann", password: Secret("hush"))])
        var dumped = ""
        dump(configuration, to: &dumped)
        #expect(!"\(configuration) \(String(reflecting: configuration)) \(dumped)".contains("hush"))
    }
}
