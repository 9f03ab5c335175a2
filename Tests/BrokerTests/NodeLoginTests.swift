import RivuletBroker
import RivuletSubscriptions
import RivuletWire
import Testing

/// How other nodes of the cluster get in, whoever else may.
@Suite(.timeLimit(.minutes(1)))
struct NodeLoginTests {
    private static let right = ",\"user\":\"$NODE\",\"pass\":\"key\""
    private static let wrong = ",\"user\":\"$NODE\",\"pass\":\"kex\""
    private static let ann = AuthConfiguration(
        users: [
            .init(
                name: "ann", password: Secret("a"),
                permissions: UserPermissions(publish: SubjectPermission(allow: []), subscribe: SubjectPermission(allow: [])))
        ])

    @Test(arguments: [nil, ann])
    func aNodeGetsInWithItsKeyOnlyAndMayDoEverything(auth: AuthConfiguration?) async throws {
        try await withBroker {
            $0.auth = auth
            $0.nodeKey = Secret("key")
        } _: { broker, address in
            let node = try await TestClient.ready(address, Self.right)
            await node.expect(sending: "SUB > 1\r\nPUB a.b 0\r\n\r\n", "MSG a.b 1 0\r\n\r\n")
            for wrong in [
                Self.wrong, ",\"user\":\"$NODE\"", ",\"user\":\"$NODE\",\"pass\":\"\"", ",\"user\":\"$NODE\",\"auth_token\":\"key\"",
            ] {
                let (client, _) = try await TestClient.connect(to: address)
                client.send("CONNECT {\"verbose\":false\(wrong)}\r\nPUB a.b 0\r\n\r\n")
                await client.expectEnd("-ERR 'Authorization Violation'\r\n")
            }
            // Settings that change say nothing of nodes.
            broker.reload(auth: AuthConfiguration(token: Secret("t")))
            await node.expect(sending: "PUB a.c 0\r\n\r\n", "MSG a.c 1 0\r\n\r\n")
            _ = try await TestClient.ready(address, Self.right)
        }
    }

    @Test func nobodyIsANodeWhereThereIsNoKey() async throws {
        try await withBroker {
            $0.auth = Self.ann
        } _: { _, address in
            let (client, _) = try await TestClient.connect(to: address)
            client.send("CONNECT {\"verbose\":false\(Self.right)}\r\n")
            await client.expectEnd("-ERR 'Authorization Violation'\r\n")
        }
    }

    @Test func whatTheProcessGetsTellsWhetherANodeSentIt() async throws {
        try await withBroker {
            $0.nodeKey = Secret("key")
        } _: { broker, address in
            let (seen, arrived) = AsyncStream.makeStream(of: BusMessage.self)
            let object = try broker.attach(try SubjectPattern("obj.a"), queue: nil) { arrived.yield($0) }
            defer { object.cancel() }
            var messages = seen.makeAsyncIterator()
            try await TestClient.ready(address, Self.right).send("PUB obj.a 0\r\n\r\n")
            #expect(await messages.next()?.origin?.isNode == true)
            for options in ["", ",\"user\":\"ann\",\"pass\":\"key\""] {
                try await TestClient.ready(address, options).send("PUB obj.a 0\r\n\r\n")
                #expect(await messages.next()?.origin?.isNode == false)
            }
        }
    }

    @Test func aNodeFindsAPlaceWhereNobodyElseDoes() async throws {
        try await withBroker {
            $0.maximumConnections = 1
            $0.nodeKey = Secret("key")
        } _: { _, address in
            let first = try await TestClient.ready(address)
            let node = try await TestClient.ready(address, Self.right)
            for sent in ["CONNECT {}\r\n", "PING\r\n", "SUB a 1\r\n"] {
                let (client, _) = try await TestClient.connect(to: address)
                client.send(sent)
                await client.expectEnd("-ERR 'Maximum Connections Exceeded'\r\n")
            }
            let (liar, _) = try await TestClient.connect(to: address)
            liar.send("CONNECT {\"verbose\":false\(Self.wrong)}\r\n")
            await liar.expectEnd("-ERR 'Authorization Violation'\r\n")
            for client in [first, node] { await client.expect(sending: "PING\r\n", "PONG\r\n") }
        }
    }

    @Test func clientsAreToldWhereElseTheyMayGo() async throws {
        try await withBroker { broker, address in
            let (client, info) = try await TestClient.connect(to: address)
            #expect(info.connectURLs == [])
            client.send("CONNECT {\"verbose\":false,\"protocol\":1}\r\nPING\r\n")
            await client.expect("PONG\r\n")
            let old = try await TestClient.ready(address)
            let (late, _) = try await TestClient.connect(to: address)
            broker.advertise(["10.0.0.1:4222", "[::1]:4333"])
            let line = await client.line()
            #expect(try ServerInfo(parsing: Array(line.dropFirst(5).utf8)).connectURLs == ["10.0.0.1:4222", "[::1]:4333"])
            // One that does not understand it is spared, one that said so later is told then; but first that it is connected.
            await old.expect(sending: "PING\r\n", "PONG\r\n")
            late.send("CONNECT {\"verbose\":false,\"protocol\":1}\r\nPING\r\n")
            await late.expect("PONG\r\n")
            let told = await late.line()
            #expect(try ServerInfo(parsing: Array(told.dropFirst(5).utf8)).connectURLs.count == 2)
            #expect(try await TestClient.connect(to: address).info.connectURLs.count == 2)
        }
    }
}
