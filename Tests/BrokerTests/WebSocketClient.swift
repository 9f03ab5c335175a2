import RivuletBroker
import RivuletWire
import Testing

/// A WebSocket client's bytes, right or wrong on purpose.
enum WebSocketBytes {
    /// The request of RFC 6455, with headers changed or, where nil, left out.
    static func request(
        _ line: String = "GET / HTTP/1.1", _ changes: KeyValuePairs<String, String?> = [:]
    ) -> String {
        var headers: [(String, String?)] = [
            ("Host", "localhost"), ("Upgrade", "websocket"), ("Connection", "Upgrade"),
            ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="), ("Sec-WebSocket-Version", "13"),
        ]
        for (name, value) in changes {
            headers.removeAll { $0.0 == name }
            headers.append((name, value))
        }
        return "\(line)\r\n" + headers.map { name, value in value.map { "\(name): \($0)\r\n" } ?? "" }.joined() + "\r\n"
    }

    static let text: UInt8 = 1
    static let binary: UInt8 = 2
    static let close: UInt8 = 8
    static let ping: UInt8 = 9
    static let pong: UInt8 = 10

    /// A frame.
    ///
    /// - Parameter reserved: Bits to set in the first byte.
    static func frame(
        _ opcode: UInt8, _ payload: some Collection<UInt8>, isFinal: Bool = true, isMasked: Bool = true, reserved: UInt8 = 0
    ) -> [UInt8] {
        var bytes = [(isFinal ? 0x80 : 0) | reserved | opcode]
        let mask: UInt8 = isMasked ? 0x80 : 0
        switch payload.count {
        case ...125: bytes.append(mask | UInt8(payload.count))
        case ...65_535: bytes += [mask | 126, UInt8(payload.count >> 8), UInt8(payload.count & 0xff)]
        default: bytes += [mask | 127] + (0..<8).map { UInt8(truncatingIfNeeded: payload.count >> (56 - 8 * $0)) }
        }
        guard isMasked else { return bytes + payload }
        let key: [UInt8] = [0x5a, 0x01, 0xff, 0x80]
        return bytes + key + payload.enumerated().map { $1 ^ key[$0 & 3] }
    }

    static func frame(_ opcode: UInt8, _ text: String, isFinal: Bool = true) -> [UInt8] { frame(opcode, text.utf8, isFinal: isFinal) }
}

extension TestClient {
    /// Connects to where a broker takes WebSockets, becomes one, and reads INFO.
    static func webSocket(_ broker: Broker) async throws -> (client: TestClient, info: ServerInfo) {
        let client = try await dial(try #require(broker.webSocketAddress))
        client.send(WebSocketBytes.request())
        try #require(await client.response().hasPrefix("HTTP/1.1 101 "))
        let line = await client.frame(WebSocketBytes.binary)
        try #require(line.starts(with: Array("INFO ".utf8)))
        return (client, try ServerInfo(parsing: Array(line.dropFirst(5).dropLast(2))))
    }

    /// The head of an HTTP response.
    func response() async -> String {
        var head = ""
        while true {
            let line = await line()
            if line.isEmpty { return head }
            head += line + "\r\n"
        }
    }

    /// The next frame, which must be whole and of this kind.
    func frame(_ opcode: UInt8, sourceLocation: SourceLocation = #_sourceLocation) async -> [UInt8] {
        let head = await bytes(2)
        guard head.count == 2 else {
            Issue.record("the stream ended", sourceLocation: sourceLocation)
            return []
        }
        #expect(head[0] == 0x80 | opcode, sourceLocation: sourceLocation)
        var size = Int(head[1])
        if size >= 126 { size = await bytes(size == 126 ? 2 : 8).reduce(0) { $0 << 8 | Int($1) } }
        return await bytes(size)
    }

    /// Waits for data that is exactly this text, in as many frames as it comes.
    func expectData(_ text: String, sourceLocation: SourceLocation = #_sourceLocation) async {
        var data: [UInt8] = []
        while data.count < text.utf8.count {
            let more = await frame(WebSocketBytes.binary, sourceLocation: sourceLocation)
            if more.isEmpty { break }
            data += more
        }
        #expect(String(decoding: data, as: UTF8.self) == text, sourceLocation: sourceLocation)
    }

    /// Sends data, and waits for data.
    func expectData(sending request: String, _ text: String, sourceLocation: SourceLocation = #_sourceLocation) async {
        send(WebSocketBytes.frame(WebSocketBytes.binary, request))
        await expectData(text, sourceLocation: sourceLocation)
    }

    /// Waits for a close frame with this code, answers it, and waits for the end of the stream.
    func expectClose(_ code: Int, _ reason: String? = nil, sourceLocation: SourceLocation = #_sourceLocation) async {
        let payload = await frame(WebSocketBytes.close, sourceLocation: sourceLocation)
        #expect(payload.prefix(2).reduce(0) { $0 << 8 | Int($1) } == code, sourceLocation: sourceLocation)
        if let reason { #expect(String(decoding: payload.dropFirst(2), as: UTF8.self) == reason, sourceLocation: sourceLocation) }
        send(WebSocketBytes.frame(WebSocketBytes.close, payload))
        await expectEnd(sourceLocation: sourceLocation)
    }
}
