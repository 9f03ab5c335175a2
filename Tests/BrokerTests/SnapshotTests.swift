import RivuletBroker
import RivuletSubscriptions
import TestSupport
import Testing

/// What monitoring is told about connections and subscriptions.
@Suite(.timeLimit(.minutes(1)))
struct SnapshotTests {
    @Test func aConnectionIsDescribedAndItsTrafficCounted() async throws {
        try await withBroker { broker, address in
            let client = try await TestClient.ready(address, ",\"name\":\"n\",\"lang\":\"swift\",\"version\":\"1.2\",\"headers\":true")
            await client.expect(
                sending: "SUB a 1\r\nSUB * q 2\r\nPUB a 3\r\nabc\r\nHPUB b 12 14\r\nNATS/1.0\r\n\r\nab\r\nPING\r\n",
                "MSG a 1 3\r\nabc\r\nMSG a 2 3\r\nabc\r\nHMSG b 2 12 14\r\nNATS/1.0\r\n\r\nab\r\nPONG\r\n")
            let connection = try #require(broker.connections().first)
            #expect(broker.connections().count == 1)
            #expect(connection.name == "n" && connection.language == "swift" && connection.version == "1.2")
            #expect(connection.ip == "127.0.0.1" && connection.port > 0 && connection.user == nil && connection.tlsVersion == nil)
            #expect(connection.inMessages == 2 && connection.inBytes == 17)
            #expect(connection.outMessages == 3 && connection.outBytes == 20)
            #expect(connection.subscriptions == 2)
            #expect(connection.start >= broker.startTime && connection.lastActivity >= connection.start)
            #expect(broker.connection(connection.id)?.id == connection.id)
            #expect(broker.connection(connection.id + 1) == nil)
            let subscriptions = broker.subscriptions(of: connection.id)
            #expect(subscriptions.map(\.subject) == ["a", "*"])
            #expect(subscriptions.map(\.queue) == [nil, "q"])
            #expect(subscriptions.map(\.sid) == ["1", "2"])
            #expect(subscriptions.map(\.messages) == [1, 2])
            await client.expect(sending: "UNSUB 1\r\nUNSUB 2 9\r\nPING\r\n", "PONG\r\n")
            #expect(broker.subscriptions(of: connection.id).map(\.maximum) == [9])
            #expect(broker.connection(connection.id)?.subscriptions == 1)
        }
    }

    @Test func whatIsDeliveredInRunsIsCountedToo() async throws {
        try await withBroker { broker, address in
            let reader = try await TestClient.ready(address)
            await reader.expect(sending: "SUB a 1\r\nUNSUB 1 50\r\nPING\r\n", "PONG\r\n")
            let writer = try await TestClient.ready(address)
            writer.send(String(repeating: "PUB a 2\r\nhi\r\n", count: 100))
            await writer.expect(sending: "PING\r\n", "PONG\r\n")
            let counts = broker.connections().map { [$0.inMessages, $0.inBytes, $0.outMessages, $0.outBytes] }
            #expect(Set(counts) == [[100, 200, 0, 0], [0, 0, 50, 100]])
        }
    }

    @Test func secretsAreNotTold() async throws {
        try await withBroker {
            $0.auth = AuthConfiguration(token: Secret("hush"), users: [.init(name: "ann", password: Secret("hush"))])
        } _: { broker, address in
            let token = try await TestClient.ready(address, ",\"auth_token\":\"hush\"")
            let user = try await TestClient.ready(address, ",\"user\":\"ann\",\"pass\":\"hush\"")
            let connections = broker.connections()
            #expect(Set(connections.map(\.user)) == ["[REDACTED]", "ann"])
            #expect(!"\(connections)".contains("hush"))
            await token.expect(sending: "PING\r\n", "PONG\r\n")
            await user.expect(sending: "PING\r\n", "PONG\r\n")
        }
    }

    @Test func roundTripsAreMeasured() async throws {
        try await withBroker {
            $0.pingInterval = .milliseconds(20)
            $0.maximumPingsOutstanding = 1000
        } _: { broker, address in
            let (client, _) = try await TestClient.connect(to: address)
            client.send("CONNECT {\"verbose\":false}\r\n")
            while await client.line() != "PING" {}
            client.send("PONG\r\n")
            try await until { broker.connections().first?.roundTrip != nil }
            let time = try #require(broker.connections().first?.roundTrip)
            #expect(time > .zero && time < .seconds(60))
        }
    }

    @Test func allSubscriptionsAreListedInPages() async throws {
        try await withBroker { broker, address in
            let attachment = try broker.attach(try SubjectPattern("x.*"), queue: nil) { _ in }
            var clients: [TestClient] = []
            for number in 1...3 {
                let client = try await TestClient.ready(address)
                let lines = (1...12).map { "SUB x.\(number).\($0) \($0)\r\n" }.joined()
                await client.expect(sending: lines + "PING\r\n", "PONG\r\n")
                clients.append(client)
            }
            var listed: [String] = []
            for offset in stride(from: 0, to: 40, by: 5) {
                let (total, part) = broker.subscriptions(offset: offset, limit: 5)
                #expect(total == 37 && part.count <= 5)
                listed += part.map(\.subject)
            }
            #expect(listed == (1...3).flatMap { number in (1...12).map { "x.\(number).\($0)" } } + ["x.*"])
            let (total, part) = broker.subscriptions(matching: try Subject("x.2.7"), offset: 0, limit: 10)
            #expect(total == 1 && part.first?.sid == "7" && part.first?.connection != nil)
            #expect(broker.subscriptions(matching: try Subject("x.2"), offset: 0, limit: 10).part.first?.connection == nil)
            attachment.cancel()
            for client in clients { client.close() }
        }
    }
}
