import RivuletBroker
import RivuletWire
import Testing

@Suite(.timeLimit(.minutes(1)))
struct LimitTests {
    @Test func aConnectionHasSoManySubscriptionsAndNotOneMore() async throws {
        try await withBroker {
            $0.maximumSubscriptions = 2
        } _: { broker, address in
            let client = try await TestClient.ready(address)
            await client.expect(
                sending: "SUB a 1\r\nSUB b 2\r\nSUB c 3\r\nSUB a 1\r\nUNSUB 1\r\nSUB c 3\r\nPUB c 0\r\n\r\n",
                "-ERR 'Maximum Subscriptions Exceeded'\r\nMSG c 3 0\r\n\r\n")
            #expect(broker.statistics.subscriptions == 2)
        }
    }

    @Test func theServerHasSoManyConnectionsAndNotOneMore() async throws {
        try await withBroker {
            $0.maximumConnections = 1
        } _: { broker, address in
            let first = try await TestClient.ready(address)
            let (second, _) = try await TestClient.connect(to: address)
            await second.expectEnd("-ERR 'Maximum Connections Exceeded'\r\n")
            await first.expect(sending: "PING\r\n", "PONG\r\n")
            #expect(broker.statistics.connections == 1)
            #expect(broker.statistics.totalConnections == 2)
        }
    }

    @Test func aSubjectHasSoManyTokensAndNotOneMore() async throws {
        try await withBroker {
            $0.maximumSubjectTokens = 3
        } _: { _, address in
            let client = try await TestClient.ready(address)
            await client.expect(
                sending: "SUB a.b.c 1\r\nSUB a.b.c.d 2\r\nPUB a.b.c 0\r\n\r\nPUB a.b.c.d 0\r\n\r\n",
                "-ERR 'Invalid Subject'\r\nMSG a.b.c 1 0\r\n\r\n-ERR 'Invalid Publish Subject'\r\n")
        }
    }

    @Test func aPayloadMayBeAsLargeAsConfigured() async throws {
        try await withBroker {
            $0.limits.payload = 5
        } _: { _, address in
            let (client, info) = try await TestClient.connect(to: address)
            #expect(info.maxPayload == 5)
            client.send("CONNECT {\"verbose\":false}\r\nSUB a 1\r\nPUB a 5\r\n12345\r\nPUB a 6\r\n123456\r\n")
            await client.expectEnd("MSG a 1 5\r\n12345\r\n-ERR 'Maximum Payload Violation'\r\n")
        }
    }

    @Test func aSilentClientIsPingedAndCutWhenItDoesNotAnswer() async throws {
        try await withBroker {
            $0.pingInterval = .milliseconds(20)
        } _: { _, address in
            let (client, _) = try await TestClient.connect(to: address)
            await client.expectEnd("PING\r\nPING\r\n-ERR 'Stale Connection'\r\n")
        }
    }

    @Test func pingsComeAgainAndAgain() async throws {
        try await withBroker {
            $0.pingInterval = .milliseconds(20)
            $0.maximumPingsOutstanding = 3000
        } _: { _, address in
            let (client, _) = try await TestClient.connect(to: address)
            for _ in 0..<8 {
                await client.expect("PING\r\n")
                client.send("PONG\r\n")
            }
        }
    }

    @Test func whereConnectIsAskedForNothingElseWorksBeforeIt() async throws {
        try await withBroker {
            $0.requiresConnect = true
            $0.authenticationTimeout = .seconds(60)
        } _: { _, address in
            for said in ["PING\r\n", "SUB a 1\r\n", "PUB a 0\r\n\r\n", "UNSUB 1\r\n"] {
                let (client, _) = try await TestClient.connect(to: address)
                client.send(said + "CONNECT {}\r\n")
                await client.expectEnd("-ERR 'Authorization Violation'\r\n")
            }
            _ = try await TestClient.ready(address)
        }
    }

    @Test func whereConnectIsAskedForItHasToComeInTimeAndInSoManyBytes() async throws {
        try await withBroker {
            $0.requiresConnect = true
            $0.authenticationTimeout = .milliseconds(50)
        } _: { _, address in
            let (client, _) = try await TestClient.connect(to: address)
            await client.expectEnd("-ERR 'Authentication Timeout'\r\n")
        }
        try await withBroker {
            $0.requiresConnect = true
            $0.authenticationTimeout = .seconds(60)
            $0.maximumBytesBeforeConnect = 100
        } _: { _, address in
            let (client, _) = try await TestClient.connect(to: address)
            client.send(String(repeating: "PONG\r\n", count: 20))
            await client.expectEnd("-ERR 'Authorization Violation'\r\n")
        }
    }
}
