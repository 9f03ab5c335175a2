import RivuletBroker
import RivuletWire
import Testing

/// Connections by WebSocket, from the request to the close frame.
@Suite(.timeLimit(.minutes(1)))
struct WebSocketTests {
    private typealias Bytes = WebSocketBytes

    private func withWebSockets(
        _ configure: (inout BrokerConfiguration) -> Void = { _ in }, _ body: (Broker, Broker.Address) async throws -> Void
    ) async throws {
        try await withBroker {
            $0.webSocket = WebSocketConfiguration(port: 0)
            $0.webSocket?.handshakeTimeout = .seconds(60)
            configure(&$0)
        } _: { broker, _ in
            try await body(broker, try #require(broker.webSocketAddress))
        }
    }

    // MARK: - Becoming one

    @Test(arguments: ["GET / HTTP/1.1", "GET /any/path?at=all HTTP/1.1"], ["Upgrade", "keep-alive, upgrade"])
    func aRequestIsAccepted(line: String, connection: String) async throws {
        try await withWebSockets { broker, address in
            #expect(address.description == "ws://127.0.0.1:\(address.port)")
            let client = try await TestClient.dial(address)
            client.send(Bytes.request(line, ["Connection": connection, "Sec-WebSocket-Extensions": "permessage-deflate"]))
            let response = await client.response()
            #expect(response.hasPrefix("HTTP/1.1 101 Switching Protocols\r\n"))
            #expect(response.lowercased().contains("sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n".lowercased()))
            #expect(!response.lowercased().contains("extensions"))
            let info = await client.frame(Bytes.binary)
            #expect(info.starts(with: Array("INFO {".utf8)))
            await client.expectData(sending: "CONNECT {\"verbose\":false}\r\nPING\r\n", "PONG\r\n")
            #expect(broker.statistics.connections == 1)
        }
    }

    @Test func whatComesRightBehindTheRequestCounts() async throws {
        try await withWebSockets { _, address in
            let client = try await TestClient.dial(address)
            client.send(Array(Bytes.request().utf8) + Bytes.frame(Bytes.binary, "CONNECT {\"verbose\":false}\r\nPING\r\n"))
            _ = await client.response()
            #expect(await client.frame(Bytes.binary).starts(with: Array("INFO {".utf8)))
            await client.expectData("PONG\r\n")
        }
    }

    private static let refusedRequests: [(String, Int)] = [
        (Bytes.request("POST / HTTP/1.1"), 405),
        (Bytes.request("GET / HTTP/1.0"), 400),
        (Bytes.request("GET / HTTP/1.1", ["Host": nil]), 400),
        (Bytes.request("GET / HTTP/1.1", ["Upgrade": nil]), 426),
        (Bytes.request("GET / HTTP/1.1", ["Upgrade": "h2c"]), 426),
        (Bytes.request("GET / HTTP/1.1", ["Connection": "keep-alive"]), 400),
        (Bytes.request("GET / HTTP/1.1", ["Sec-WebSocket-Key": nil]), 400),
        (Bytes.request("GET / HTTP/1.1", ["Sec-WebSocket-Key": "c2hvcnQ="]), 400),
        (Bytes.request("GET / HTTP/1.1", ["Sec-WebSocket-Version": nil]), 426),
        (Bytes.request("GET / HTTP/1.1", ["Sec-WebSocket-Version": "8"]), 426),
        (Bytes.request("GET / HTTP/1.1", ["Content-Length": "5"]) + "hello", 400),
        (Bytes.request("GET / HTTP/1.1", ["Cookie": String(repeating: "c", count: 9000)]), 431),
        (Bytes.request("GET /" + String(repeating: "p", count: 9000) + " HTTP/1.1"), 431),
        ("GET / HTTP/1.1\r\n" + String(repeating: "A: b\r\n", count: 200) + "\r\n", 431),
        ("CONNECT {}\r\nPING\r\n", 400),
        ("\u{16}\u{3}\u{1}\r\n\r\n", 400),
    ]

    @Test(arguments: refusedRequests)
    func aRequestIsRefused(request: String, status: Int) async throws {
        try await withWebSockets { broker, address in
            let client = try await TestClient.dial(address)
            client.send(request)
            let response = await client.response()
            #expect(response.hasPrefix("HTTP/1.1 \(status) "), "\(response)")
            #expect(response.lowercased().contains("connection: close"))
            #expect(response.contains("Sec-WebSocket-Version: 13") == (status == 426))
            _ = await client.rest()
            #expect(broker.statistics.totalConnections == 0)
        }
    }

    private static let checkedOrigins: [(Bool, [String], String?, Bool)] = [
        (false, [], "http://evil.example.org", true),
        (false, [], "null", true),
        (false, ["http://example.org"], nil, true),
        (false, ["http://example.org"], "http://EXAMPLE.org:80", true),
        (false, ["http://example.org"], "https://example.org", false),
        (false, ["http://example.org"], "http://example.org:8080", false),
        (false, ["http://example.org", "https://two.example.org:8443"], "https://two.example.org:8443", true),
        (false, ["http://example.org"], "null", false),
        (false, ["http://example.org"], "http://example.org.evil", false),
        (true, [], nil, true),
        (true, [], "http://localhost", true),
        (true, [], "http://localhost:80", true),
        (true, [], "http://localhost:81", false),
        (true, [], "https://localhost", false),
        (true, ["http://example.org"], "http://localhost", false),
    ]

    @Test(arguments: checkedOrigins)
    func originsAreChecked(same: Bool, allowed: [String], origin: String?, isAccepted: Bool) async throws {
        try await withWebSockets {
            $0.webSocket?.sameOrigin = same
            $0.webSocket?.allowedOrigins = allowed.compactMap { WebOrigin($0) }
        } _: { _, address in
            let client = try await TestClient.dial(address)
            client.send(Bytes.request("GET / HTTP/1.1", ["Origin": origin]))
            #expect(await client.response().hasPrefix(isAccepted ? "HTTP/1.1 101 " : "HTTP/1.1 403 "))
        }
    }

    private static let writtenOrigins: [(String, String?)] = [
        ("http://[::1]:8080", "http://[::1]:8080"), ("https://Example.org", "https://example.org:443"), ("http://h:0", nil),
        ("http://h:99999", nil), ("http://h:", nil), ("http://:80", nil), ("http://", nil), ("h", nil), ("", nil), ("ftp://h", nil),
        ("http://h/path", nil), ("http://u@h", nil), ("http://::1", nil), ("http://a:b:80", nil),
    ]

    @Test(arguments: writtenOrigins)
    func originsAreRead(text: String, expected: String?) {
        #expect(WebOrigin(text)?.description == expected)
    }

    @Test(arguments: ["", "GET / HT", "GET / HTTP/1.1\r\nHost: a\r\n"])
    func whoDoesNotFinishTheRequestIsCutInTime(said: String) async throws {
        try await withWebSockets {
            $0.webSocket?.handshakeTimeout = .milliseconds(100)
        } _: { _, address in
            let client = try await TestClient.dial(address)
            client.send(said)
            await client.expectEnd()
        }
    }

    @Test func whoHasNotFinishedTheRequestIsCutByADrain() async throws {
        try await withWebSockets {
            $0.webSocket?.handshakeTimeout = .seconds(60)
            $0.lameDuckDuration = .milliseconds(50)
            $0.closeGrace = .milliseconds(50)
        } _: { broker, address in
            let client = try await TestClient.dial(address)
            let (first, _) = try await TestClient.webSocket(broker)
            await broker.drain()
            await client.expectEnd()
            #expect(await first.frame(Bytes.close).starts(with: [0x03, 0xe9]))
        }
    }

    // MARK: - Frames

    @Test func messagesPassBetweenWebSocketsAndTCP() async throws {
        try await withBroker {
            $0.webSocket = WebSocketConfiguration(port: 0)
            $0.webSocket?.handshakeTimeout = .seconds(60)
        } _: { broker, address in
            let (web, info) = try await TestClient.webSocket(broker)
            #expect(info.port == broker.webSocketAddress?.port)
            #expect(!info.tlsRequired)
            let tcp = try await TestClient.ready(address)
            await tcp.expect(sending: "SUB to.tcp 1\r\nPING\r\n", "PONG\r\n")
            await web.expectData(sending: "CONNECT {\"verbose\":false}\r\nSUB to.web 1\r\nPING\r\n", "PONG\r\n")
            web.send(Bytes.frame(Bytes.binary, "PUB to.tcp 2\r\nhi\r\n"))
            await tcp.expect("MSG to.tcp 1 2\r\nhi\r\n")
            tcp.send("PUB to.web 5\r\nhello\r\n")
            await web.expectData("MSG to.web 1 5\r\nhello\r\n")
        }
    }

    @Test func aMessageMayComeInAnyPieces() async throws {
        try await withWebSockets { broker, _ in
            let (client, _) = try await TestClient.webSocket(broker)
            let bytes =
                Bytes.frame(Bytes.text, "CONNECT {\"verb", isFinal: false) + Bytes.frame(Bytes.ping, "one")
                + Bytes.frame(0, "ose\":false}\r\nSUB a 1\r\nPUB a 3", isFinal: false) + Bytes.frame(0, "", isFinal: false)
                + Bytes.frame(0, "00\r\n" + String(repeating: "x", count: 300) + "\r\n") + Bytes.frame(Bytes.pong, "unasked")
                + Bytes.frame(Bytes.binary, "PING\r\n")
            for byte in bytes { try await client.sendAndWait([byte]) }
            #expect(await client.frame(Bytes.pong) == Array("one".utf8))
            await client.expectData("MSG a 1 300\r\n" + String(repeating: "x", count: 300) + "\r\nPONG\r\n")
        }
    }

    @Test func manyMessagesAreFewFrames() async throws {
        try await withBroker {
            $0.webSocket = WebSocketConfiguration(port: 0)
            $0.webSocket?.handshakeTimeout = .seconds(60)
        } _: { broker, address in
            let (web, _) = try await TestClient.webSocket(broker)
            await web.expectData(sending: "CONNECT {\"verbose\":false}\r\nSUB a 1\r\nPING\r\n", "PONG\r\n")
            let publisher = try await TestClient.ready(address)
            publisher.send(String(repeating: "PUB a 10\r\n0123456789\r\n", count: 10_000))
            let expected = 10_000 * "MSG a 1 10\r\n0123456789\r\n".utf8.count
            var frames = 0
            var size = 0
            while size < expected {
                size += await web.frame(Bytes.binary).count
                frames += 1
            }
            #expect(size == expected)
            #expect(frames < 500)
        }
    }

    @Test func aMessageAsLargeAsAllowedPassesInOneFrame() async throws {
        try await withWebSockets { broker, _ in
            let (client, info) = try await TestClient.webSocket(broker)
            let payload = String(repeating: "0123456789abcdef", count: info.maxPayload / 16)
            await client.expectData(
                sending: "CONNECT {\"verbose\":false}\r\nSUB a 1\r\nPUB a \(payload.utf8.count)\r\n\(payload)\r\n",
                "MSG a 1 \(payload.utf8.count)\r\n\(payload)\r\n")
        }
    }

    @Test func ofManyPingsTheLastIsAnswered() async throws {
        try await withWebSockets { broker, _ in
            let (client, _) = try await TestClient.webSocket(broker)
            client.send((1...1000).flatMap { Bytes.frame(Bytes.ping, "\($0)") })
            while await client.frame(Bytes.pong) != Array("1000".utf8) {}
        }
    }

    private static let violations: [([UInt8], Int)] = [
        (Bytes.frame(Bytes.binary, "PING\r\n".utf8, isMasked: false), 1002),
        (Bytes.frame(Bytes.binary, "PING\r\n".utf8, reserved: 0x40), 1002),
        (Bytes.frame(Bytes.binary, "PING\r\n".utf8, reserved: 0x10), 1002),
        (Bytes.frame(3, "PING\r\n"), 1002),
        (Bytes.frame(11, ""), 1002),
        (Bytes.frame(0, "PING\r\n"), 1002),
        (Bytes.frame(Bytes.ping, String(repeating: "p", count: 126)), 1002),
        (Bytes.frame(Bytes.ping, "p", isFinal: false), 1002),
        (Bytes.frame(Bytes.close, [0x03]), 1002),
        (Bytes.frame(Bytes.close, [0x03, 0xed]), 1002),
        (Bytes.frame(Bytes.close, [0x00, 0x07]), 1002),
        (Bytes.frame(Bytes.close, [0x03, 0xe8, 0xff]), 1007),
        (Bytes.frame(Bytes.binary, [UInt8](repeating: 0x20, count: 1001)), 1009),
        ([0x82, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4], 1009),
    ]

    @Test(arguments: violations)
    func whatNoWebSocketMayDoEndsIt(bytes: [UInt8], code: Int) async throws {
        try await withWebSockets {
            $0.webSocket?.maximumFrameSize = 1000
        } _: { broker, _ in
            let (client, _) = try await TestClient.webSocket(broker)
            client.send(bytes + Bytes.frame(Bytes.binary, "PING\r\n"))
            let payload = await client.frame(Bytes.close)
            #expect(payload.prefix(2).reduce(0) { $0 << 8 | Int($1) } == code)
            await client.expectEnd()
        }
    }

    @Test func aMessageWithinAnotherEndsItAfterWhatWasWhole() async throws {
        try await withWebSockets { broker, _ in
            let (client, _) = try await TestClient.webSocket(broker)
            client.send(Bytes.frame(Bytes.binary, "PING\r\n", isFinal: false) + Bytes.frame(Bytes.binary, "PING\r\n"))
            await client.expectData("PONG\r\n")
            #expect(await client.frame(Bytes.close).starts(with: [0x03, 0xea]))
            await client.expectEnd()
        }
    }

    // MARK: - Closing

    @Test(arguments: [[], [0x03, 0xe8], [0x03, 0xe8] + Array("bye".utf8), [0x0f, 0xa0]] as [[UInt8]])
    func aCloseIsAnsweredAndWhatCameBeforeItCounts(payload: [UInt8]) async throws {
        try await withBroker {
            $0.webSocket = WebSocketConfiguration(port: 0)
            $0.webSocket?.handshakeTimeout = .seconds(60)
        } _: { broker, address in
            let listener = try await TestClient.ready(address)
            await listener.expect(sending: "SUB last 1\r\nPING\r\n", "PONG\r\n")
            let (client, _) = try await TestClient.webSocket(broker)
            client.send(
                Bytes.frame(Bytes.binary, "CONNECT {\"verbose\":false}\r\nPUB last 4\r\nword\r\n") + Bytes.frame(Bytes.close, payload)
                    + Bytes.frame(Bytes.binary, "PUB last 4\r\nmore\r\n"))
            #expect(await client.frame(Bytes.close) == payload)
            await client.expectEnd()
            await listener.expect("MSG last 1 4\r\nword\r\n")
            await listener.expect(sending: "PING\r\n", "PONG\r\n")
        }
    }

    @Test func theBrokerSaysWhyItCloses() async throws {
        try await withWebSockets {
            $0.auth = AuthConfiguration(token: Secret("t"))
            $0.authenticationTimeout = .seconds(60)
        } _: { broker, _ in
            let (client, info) = try await TestClient.webSocket(broker)
            #expect(info.authRequired)
            await client.expectData(
                sending: "CONNECT {\"verbose\":false,\"auth_token\":\"wrong\"}\r\n", "-ERR 'Authorization Violation'\r\n")
            await client.expectClose(1008, "Authorization Violation")
            let (second, _) = try await TestClient.webSocket(broker)
            await second.expectData(sending: "CONNECT {\"verbose\":false,\"auth_token\":\"t\"}\r\nPING\r\n", "PONG\r\n")
            await second.expectData(sending: "PUB a 1048577\r\n", "-ERR 'Maximum Payload Violation'\r\n")
            await second.expectClose(1009)
            let (third, _) = try await TestClient.webSocket(broker)
            await third.expectData(
                sending: "CONNECT {\"verbose\":false,\"auth_token\":\"t\"}\r\nFOO\r\n", "-ERR 'Unknown Protocol Operation'\r\n")
            await third.expectClose(1002)
        }
    }

    @Test func whoDoesNotConnectInTimeIsTold() async throws {
        try await withWebSockets {
            $0.auth = AuthConfiguration(token: Secret("t"))
            $0.authenticationTimeout = .milliseconds(50)
        } _: { broker, _ in
            let (client, _) = try await TestClient.webSocket(broker)
            await client.expectData("-ERR 'Authentication Timeout'\r\n")
            await client.expectClose(1008, "Authentication Timeout")
        }
    }

    @Test func whoDoesNotAnswerTheCloseIsCut() async throws {
        try await withWebSockets {
            $0.closeGrace = .milliseconds(50)
            $0.pingInterval = .milliseconds(20)
        } _: { broker, _ in
            let (client, _) = try await TestClient.webSocket(broker)
            await client.expectData("PING\r\nPING\r\n-ERR 'Stale Connection'\r\n")
            #expect(await client.frame(Bytes.close).starts(with: [0x03, 0xe9]))
            await client.expectEnd()
        }
    }

    @Test func whereTheServerIsFullThatIsTold() async throws {
        try await withWebSockets {
            $0.maximumConnections = 1
        } _: { broker, address in
            let (first, _) = try await TestClient.webSocket(broker)
            let second = try await TestClient.dial(address)
            second.send(Bytes.request())
            _ = await second.response()
            let said = String(decoding: await second.frame(Bytes.binary), as: UTF8.self)
            #expect(said.hasPrefix("INFO {") && said.hasSuffix("\r\n-ERR 'Maximum Connections Exceeded'\r\n"))
            await second.expectClose(1008)
            await first.expectData(sending: "PING\r\n", "PONG\r\n")
        }
    }

    @Test func aDrainTellsAndClosesWebSocketsToo() async throws {
        try await withWebSockets {
            $0.lameDuckDuration = .milliseconds(50)
        } _: { broker, _ in
            let (client, _) = try await TestClient.webSocket(broker)
            await client.expectData(sending: "CONNECT {\"verbose\":false,\"protocol\":1}\r\nPING\r\n", "PONG\r\n")
            async let drained: Void = broker.drain()
            let info = String(decoding: await client.frame(Bytes.binary), as: UTF8.self)
            #expect(info.contains("\"ldm\":true"))
            await client.expectClose(1001, "Server Shutdown")
            await drained
        }
    }

    @Test func aPortThatIsTakenIsNamed() async throws {
        try await withWebSockets { _, address in
            var configuration = BrokerConfiguration()
            configuration.port = 0
            configuration.webSocket = WebSocketConfiguration(port: address.port)
            let second = Broker(configuration: configuration, logger: quiet)
            let error = await #expect(throws: BrokerError.self) { try await second.start() }
            #expect(error?.code == .addressInUse)
            #expect(error?.description.contains("ws://127.0.0.1:\(address.port)") == true)
            await second.shutdown()
        }
    }
}
