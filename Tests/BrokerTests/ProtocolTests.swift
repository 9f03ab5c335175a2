import RivuletBroker
import RivuletWire
import TestSupport
import Testing

/// The NATS client protocol over TCP; what is expected is what nats-server 2.15 answers, but for the texts of errors, which are those of
/// the protocol reference, and for malformed operations, which nats-server closes without a word.
@Suite(.timeLimit(.minutes(1)))
struct ProtocolTests {
    @Test func infoTellsWhoTheServerIs() async throws {
        try await withBroker { _, address in
            let (_, info) = try await TestClient.connect(to: address)
            #expect(info.serverName == "test")
            #expect(info.version == "2.11.0")
            #expect(info.rivulet == "0.1.0")
            #expect(info.headers && info.proto == 1 && info.maxPayload == 1_048_576 && !info.jetstream)
            #expect(info.port == address.port && info.clientIP == "127.0.0.1" && info.clientID != nil)
        }
    }

    @Test func beforeConnectAClientIsVerboseAndMayDoEverything() async throws {
        try await withBroker { _, address in
            let (client, _) = try await TestClient.connect(to: address)
            await client.expect(sending: "PING\r\nSUB a 1\r\nPUB a 0\r\n\r\n", "PONG\r\n+OK\r\n+OK\r\nMSG a 1 0\r\n\r\n")
        }
    }

    @Test(arguments: [
        ("CONNECT {}\r\nPING\r\n", "+OK\r\nPONG\r\n"),
        ("CONNECT {\"verbose\":true}\r\nSUB a 1\r\nUNSUB 1\r\nUNSUB 9\r\nPUB a 0\r\n\r\n", "+OK\r\n+OK\r\n+OK\r\n+OK\r\n+OK\r\n"),
        ("CONNECT {\"verbose\":true}\r\nPUB a..b 0\r\n\r\nPING\r\n", "+OK\r\n-ERR 'Invalid Publish Subject'\r\n+OK\r\nPONG\r\n"),
        ("CONNECT {\"verbose\":true}\r\nPUB evt.a 0\r\n\r\n", "+OK\r\n-ERR 'Permissions Violation for Publish to \"evt.a\"'\r\n"),
        ("CONNECT {\"verbose\":true}\r\nSUB a..b 1\r\nPING\r\n", "+OK\r\n-ERR 'Invalid Subject'\r\nPONG\r\n"),
    ])
    func aVerboseClientGetsAnOKForEveryOperation(said: String, expected: String) async throws {
        try await withBroker { _, address in
            let (client, _) = try await TestClient.connect(to: address)
            await client.expect(sending: said, expected)
        }
    }

    @Test(arguments: [
        // Subjects and wildcards.
        ("SUB a.* 1\r\nSUB a.> 2\r\nPUB a.b.c 1\r\nx\r\n", "MSG a.b.c 2 1\r\nx\r\n"),
        ("SUB fo* 1\r\nPUB fo* 1\r\nx\r\n", "MSG fo* 1 1\r\nx\r\n"),
        ("SUB foo.* 1\r\nSUB foo.a 2\r\nPUB foo.* 1\r\nx\r\n", "MSG foo.* 1 1\r\nx\r\n"),
        ("SUB > 1\r\nSUB foo 2\r\nPUB > 1\r\nx\r\n", "MSG > 1 1\r\nx\r\n"),
        ("SUB foo.> 1\r\nPUB foo.>.a 1\r\nx\r\n", "MSG foo.>.a 1 1\r\nx\r\n"),
        ("SUB > 1\r\nSUB *.*.* 2\r\nPUB foo..a 1\r\nx\r\nPUB foo. 1\r\nx\r\nPUB . 1\r\nx\r\n", ""),
        ("SUB > 1\r\nPUB a.\u{1} 1\r\nx\r\n", "MSG a.\u{1} 1 1\r\nx\r\n"),
        ("SUB a.\u{1} 1\r\n", "-ERR 'Invalid Subject'\r\n"),
        ("SUB foo..a 1\r\n", "-ERR 'Invalid Subject'\r\n"),
        ("SUB foo. 1\r\n", "-ERR 'Invalid Subject'\r\n"),
        ("SUB foo.>.a 1\r\n", "-ERR 'Invalid Subject'\r\n"),
        ("SUB foo 1\r\nPUB foo reply 2\r\nhi\r\n", "MSG foo 1 reply 2\r\nhi\r\n"),
        ("SUB  foo   1  \r\npub\tfoo  02 \nhi\r\n", "MSG foo 1 2\r\nhi\r\n"),
        // Ending subscriptions.
        ("SUB a 1\r\nUNSUB 1\r\nPUB a 0\r\n\r\n", ""),
        ("SUB a 1\r\nUNSUB 1 2\r\nPUB a 0\r\n\r\nPUB a 0\r\n\r\nPUB a 0\r\n\r\n", "MSG a 1 0\r\n\r\nMSG a 1 0\r\n\r\n"),
        ("SUB a 1\r\nPUB a 0\r\n\r\nUNSUB 1 2\r\nPUB a 0\r\n\r\nPUB a 0\r\n\r\n", "MSG a 1 0\r\n\r\nMSG a 1 0\r\n\r\n"),
        ("SUB a 1\r\nPUB a 0\r\n\r\nPUB a 0\r\n\r\nUNSUB 1 2\r\nPUB a 0\r\n\r\n", "MSG a 1 0\r\n\r\nMSG a 1 0\r\n\r\n"),
        ("SUB a 1\r\nUNSUB 1 0\r\nPUB a 0\r\n\r\n", ""),
        ("SUB a 1\r\nUNSUB 1 x\r\nPUB a 0\r\n\r\n", ""),
        ("SUB a 1\r\nUNSUB 1 1000000000\r\nPUB a 0\r\n\r\n", ""),
        ("SUB a 1\r\nSUB a..b 1\r\nPUB a 0\r\n\r\n", "MSG a 1 0\r\n\r\n"),
        ("SUB a 1\r\nSUB b 1\r\nPUB b 0\r\n\r\nPUB a 0\r\n\r\n", "MSG a 1 0\r\n\r\n"),
        ("SUB a 1\r\nUNSUB 1 1\r\nPUB a 0\r\n\r\nSUB a 1\r\nPUB a 0\r\n\r\n", "MSG a 1 0\r\n\r\nMSG a 1 0\r\n\r\n"),
        // What is ignored.
        ("+OK\r\nINFO {}\r\nPONG\r\nUNSUB 5\r\n", ""),
        // A second CONNECT changes what it mentions.
        ("CONNECT {}\r\nCONNECT {\"echo\":false}\r\nSUB a 1\r\nPUB a 0\r\n\r\n", ""),
        // Events belong to objects.
        ("SUB evt.x 1\r\nPUB evt.x 0\r\n\r\n", "-ERR 'Permissions Violation for Publish to \"evt.x\"'\r\n"),
        ("SUB evt 1\r\nPUB evt 0\r\n\r\n", "MSG evt 1 0\r\n\r\n"),
    ])
    func operationsHaveTheirEffect(said: String, expected: String) async throws {
        try await withBroker { _, address in
            let client = try await TestClient.ready(address)
            await client.expect(sending: said + "PING\r\n", expected + "PONG\r\n")
        }
    }

    @Test(arguments: [
        ("FOO\r\n", "Unknown Protocol Operation"), ("\r\n", "Unknown Protocol Operation"), ("PUB\r\n", "Unknown Protocol Operation"),
        ("MSG a 1 0\r\n\r\n", "Unknown Protocol Operation"), ("PUB a 1\r\nxyz\r\n", "Unknown Protocol Operation"),
        ("PUB a\r\n", "Parser Error"), ("PUB a -1\r\n", "Parser Error"), ("SUB a\r\n", "Parser Error"),
        ("-ERR\r\n", "Unknown Protocol Operation"), ("PUB a 1000000000\r\n", "Parser Error"),
        ("PUB a 1048577\r\n", "Maximum Payload Violation"),
        ("CONNECT {x\r\n", "Parser Error"), ("CONNECT\r\n", "Parser Error"), ("CONNECT {\"verbose\":\"x\"}\r\n", "Parser Error"),
        ("CONNECT {\"protocol\":9}\r\n", "Invalid Client Protocol"),
        ("CONNECT {\"no_responders\":true}\r\n", "No Responders Requires Headers Support"),
        ("HPUB a 12 12\r\nNATS/1.0\r\n\r\n\r\n", "Message Headers Not Supported"),
        ("SUB " + String(repeating: "a", count: 5000), "Maximum Control Line Exceeded"),
    ])
    func whatIsWrongIsToldAndEndsTheConnection(said: String, text: String) async throws {
        try await withBroker { _, address in
            let client = try await TestClient.ready(address)
            client.send(said + "PING\r\n")
            await client.expectEnd("-ERR '\(text)'\r\n")
        }
    }

    @Test func anErrorOfTheClientEndsTheConnection() async throws {
        try await withBroker { _, address in
            let client = try await TestClient.ready(address)
            client.send("-ERR 'x'\r\nPING\r\n")
            await client.expectEnd()
        }
    }

    @Test func headersReachThoseWhoUnderstandThem() async throws {
        try await withBroker { _, address in
            let aware = try await TestClient.ready(address, ",\"headers\":true")
            let unaware = try await TestClient.ready(address)
            await aware.expect(sending: "SUB a 1\r\nPING\r\n", "PONG\r\n")
            await unaware.expect(sending: "SUB a 1\r\nPING\r\n", "PONG\r\n")
            let block = "NATS/1.0\r\nA: b\r\n\r\n"
            aware.send("HPUB a r 18 19\r\n\(block)x\r\nHPUB a 0 1\r\nx\r\nHPUB  a 18 19\r\n\(block)x\r\n")
            await aware.expect("HMSG a 1 r 18 19\r\n\(block)x\r\nMSG a 1 1\r\nx\r\nHMSG a 1 18 19\r\n\(block)x\r\n")
            await unaware.expect("MSG a 1 r 1\r\nx\r\nMSG a 1 1\r\nx\r\nMSG a 1 1\r\nx\r\n")
        }
    }

    @Test func aRequestNobodyIsSubscribedForIsAnswered503() async throws {
        let notice = "NATS/1.0 503\r\nNats-Subject: zz\r\n\r\n"
        try await withBroker { _, address in
            let asker = try await TestClient.ready(address, ",\"headers\":true,\"no_responders\":true")
            let other = try await TestClient.ready(address, ",\"headers\":true")
            await other.expect(sending: "SUB r.> 1\r\nPING\r\n", "PONG\r\n")
            await asker.expect(sending: "PUB zz r.1 0\r\n\r\nPING\r\n", "PONG\r\n")
            await asker.expect(sending: "SUB r.* 3\r\nPUB zz r.1 0\r\n\r\nPING\r\n", "HMSG r.1 3 34 34\r\n\(notice)\r\nPONG\r\n")
            // Who did not ask for it gets nothing, nor does who publishes without a reply subject.
            await other.expect(sending: "PUB zz r.1 0\r\n\r\nPING\r\n", "PONG\r\n")
            await asker.expect(sending: "PUB zz 0\r\n\r\nPING\r\n", "PONG\r\n")
        }
    }

    @Test func a503IsNoMessageAndGoesToNoQueueGroup() async throws {
        let notice = "HMSG r 1 34 34\r\nNATS/1.0 503\r\nNats-Subject: zz\r\n\r\n\r\n"
        try await withBroker { broker, address in
            let asker = try await TestClient.ready(address, ",\"headers\":true,\"no_responders\":true")
            await asker.expect(sending: "SUB r q 2\r\nPUB zz r 0\r\n\r\nPING\r\n", "PONG\r\n")
            asker.send("SUB r 1\r\nUNSUB 1 1\r\nUNSUB 2\r\nPUB zz r 0\r\n\r\nPUB zz r 0\r\n\r\nPUB r 0\r\n\r\nPUB zz r 0\r\n\r\nPING\r\n")
            await asker.expect(notice + notice + "MSG r 1 0\r\n\r\nPONG\r\n")
            #expect(broker.statistics.outMessages == 1)
        }
    }

    @Test func aPedanticClientIsToldOfWrongSubjectsAndServedAllTheSame() async throws {
        let error = "-ERR 'Invalid Publish Subject'\r\n"
        try await withBroker { _, address in
            let client = try await TestClient.ready(address, ",\"pedantic\":true,\"headers\":true")
            await client.expect(
                sending: "SUB > 1\r\nPUB a.* 0\r\n\r\nPUB a.* 0\r\n\r\n", error + "MSG a.* 1 0\r\n\r\n" + error + "MSG a.* 1 0\r\n\r\n")
            await client.expect(
                sending: "PUB a..b 0\r\n\r\nHPUB > 0 0\r\n\r\nPUB a*.>b 0\r\n\r\n", error + error + "MSG > 1 0\r\n\r\nMSG a*.>b 1 0\r\n\r\n"
            )
            // Which permissions there are does not depend on it.
            await client.expect(sending: "PUB evt.* 0\r\n\r\n", error + "-ERR 'Permissions Violation for Publish to \"evt.*\"'\r\n")
        }
    }

    @Test func aClientWithoutEchoDoesNotGetItsOwnMessages() async throws {
        try await withBroker { _, address in
            let client = try await TestClient.ready(address, ",\"echo\":false")
            let other = try await TestClient.ready(address)
            await client.expect(sending: "SUB a 1\r\nSUB a q 2\r\nPING\r\n", "PONG\r\n")
            await other.expect(sending: "SUB a q 7\r\nPING\r\n", "PONG\r\n")
            for _ in 0..<4 {
                await client.expect(sending: "PUB a 0\r\n\r\nPING\r\n", "PONG\r\n")
                await other.expect("MSG a 7 0\r\n\r\n")
            }
        }
    }

    @Test func everyMemberOfAQueueGroupGetsItsShareAndEachMessageGoesToOne() async throws {
        try await withBroker { _, address in
            let client = try await TestClient.ready(address)
            let members = 3
            let messages = 300
            client.send("SUB a plain\r\n")
            for member in 0..<members { client.send("SUB a q \(member)\r\n") }
            client.send("SUB *  other w\r\n")
            for number in 0..<messages { client.send("PUB a 3\r\n\(100 + number)\r\n") }
            var bySID: [String: [String]] = [:]
            for message in try Received.messages(in: await client.everything()) { bySID[message.sid, default: []].append(message.payload) }
            let all = (0..<messages).map { String(100 + $0) }
            #expect(bySID["plain"] == all)
            #expect(bySID["w"] == all)
            let shares = (0..<members).map { bySID["\($0)"] ?? [] }
            #expect(shares.joined().sorted() == all)
            for share in shares { #expect(share.count > messages / members / 4) }
        }
    }

    @Test func framesMayArriveSplitAnywhere() async throws {
        let stream =
            "CONNECT {\"verbose\":false,\"headers\":true}\r\nSUB a 1\r\nPUB a r 5\r\nhe\r\no\r\nHPUB a 18 19\r\nNATS/1.0\r\nA: b\r\n\r\nx\r\nPING\r\n"
        let expected = "MSG a 1 r 5\r\nhe\r\no\r\nHMSG a 1 18 19\r\nNATS/1.0\r\nA: b\r\n\r\nx\r\nPONG\r\n"
        let bytes = Array(stream.utf8)
        try await withBroker { _, address in
            for split in 1..<bytes.count {
                let (client, _) = try await TestClient.connect(to: address)
                try await client.sendAndWait(Array(bytes[..<split]))
                client.send(Array(bytes[split...]))
                await client.expect(expected)
                client.close()
            }
            let (client, _) = try await TestClient.connect(to: address)
            for byte in bytes { try await client.sendAndWait([byte]) }
            await client.expect(expected)
        }
    }

    @Test func aPayloadOfOneMebibyteArrivesWhole() async throws {
        var generator = SeededGenerator(seed: 1)
        let payload = (0..<1_048_576).map { _ in UInt8.random(in: 0...255, using: &generator) }
        try await withBroker { _, address in
            let client = try await TestClient.ready(address)
            client.send(Array("SUB a 1\r\nPUB a 1048576\r\n".utf8) + payload + Array("\r\nPING\r\n".utf8))
            await client.expect("MSG a 1 1048576\r\n")
            #expect(await client.bytes(payload.count) == payload)
            await client.expect("\r\nPONG\r\n")
        }
    }

    @Test func aSubjectMayHoldBytesThatAreNotText() async throws {
        try await withBroker { _, address in
            let client = try await TestClient.ready(address)
            client.send(Array("SUB > 1\r\nPUB ".utf8) + [0xff, 0xfe] + Array(" 0\r\n\r\n".utf8))
            let received = await client.bytes("MSG xx 1 0\r\n\r\n".utf8.count)
            #expect(received == Array("MSG ".utf8) + [0xff, 0xfe] + Array(" 1 0\r\n\r\n".utf8))
        }
    }

    @Test func aClientThatVanishesHarmsNobody() async throws {
        let flood = "SUB a 1\r\n" + String(repeating: "PUB a 64\r\n\(String(repeating: "x", count: 64))\r\nPING\r\n", count: 2000)
        try await withBroker { broker, address in
            for _ in 0..<40 {
                let client = try await TestClient.ready(address)
                client.send(flood)
                await client.expect("MSG a 1 64\r\n")
                try await client.vanish()
            }
            let other = try await TestClient.ready(address)
            while broker.statistics.connections > 1 { await other.expect(sending: "PING\r\n", "PONG\r\n") }
            #expect(broker.statistics.subscriptions == 0)
        }
    }

    @Test func noBytesStopTheServer() async throws {
        var generator = SeededGenerator(seed: 5)
        try await withBroker { _, address in
            for _ in 0..<100 {
                let (client, _) = try await TestClient.connect(to: address)
                client.send((0..<200).map { _ in UInt8.random(in: 0...255, using: &generator) } + [0x0d, 0x0a])
                client.close()
            }
            _ = try await TestClient.ready(address)
        }
    }
}
