import RivuletWire
import TestSupport

/// Frames to test with.
enum RandomFrames {
    static func clientFrame(using generator: inout SeededGenerator) -> [UInt8] {
        var bytes: [UInt8] = []
        switch Int.random(in: 0..<7, using: &generator) {
        case 0: FrameEncoder.subscribe("a.*.b", queue: Bool.random(using: &generator) ? "q" : nil, sid: 3, to: &bytes)
        case 1: FrameEncoder.unsubscribe(sid: 3, max: Bool.random(using: &generator) ? 5 : nil, to: &bytes)
        case 2: FrameEncoder.ping(to: &bytes)
        case 3: FrameEncoder.connect(ConnectOptions(name: "n"), to: &bytes)
        case 4: bytes = Array("pub  a\tb 3 \nx\r\n\r\n".utf8)
        default:
            FrameEncoder.publish(
                "some.subject", reply: Bool.random(using: &generator) ? "r" : nil, headers: headers(using: &generator),
                payload: payload(using: &generator), to: &bytes)
        }
        return bytes
    }

    static func serverFrame(using generator: inout SeededGenerator) -> [UInt8] {
        var bytes: [UInt8] = []
        switch Int.random(in: 0..<5, using: &generator) {
        case 0: FrameEncoder.info(ServerInfo(serverName: "s"), to: &bytes)
        case 1: FrameEncoder.ok(to: &bytes)
        case 2: FrameEncoder.error(.staleConnection, to: &bytes)
        default:
            let headers = headers(using: &generator)
            FrameEncoder.message(
                subject: Array("a.b".utf8).span, sid: Array("12".utf8).span,
                reply: Array((Bool.random(using: &generator) ? "r" : "").utf8).span,
                headers: (headers.isEmpty ? [] : headers.encoded()).span, payload: payload(using: &generator).span, to: &bytes)
        }
        return bytes
    }

    /// Bytes that look a little like the protocol, so that they get past the first check.
    static func noise(using generator: inout SeededGenerator) -> [UInt8] {
        let words = [
            "PUB", "HPUB", "SUB", "UNSUB", "MSG", "HMSG", "PING", "CONNECT", "INFO", "+OK", "-ERR", " ", "\t", "\r", "\n", "\r\n", "1", "0",
            "12", "-1", "99999999999999999999", "a", "a.b", "{", "}", "\"", "\u{0}", "é",
        ]
        var bytes: [UInt8] = []
        for _ in 0..<Int.random(in: 0...12, using: &generator) {
            if Int.random(in: 0..<6, using: &generator) == 0 {
                bytes.append(UInt8.random(in: 0...255, using: &generator))
            } else {
                bytes += Array((words.randomElement(using: &generator) ?? "").utf8)
                if Bool.random(using: &generator) { bytes.append(0x20) }
            }
        }
        return bytes
    }

    static func split(_ bytes: [UInt8], using generator: inout SeededGenerator) -> [[UInt8]] {
        var reads: [[UInt8]] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            let length = Int.random(in: 1...Swift.min(rest.count, 40), using: &generator)
            reads.append(Array(rest.prefix(length)))
            rest = rest.dropFirst(length)
        }
        return reads
    }

    private static func headers(using generator: inout SeededGenerator) -> Headers {
        var headers = Headers()
        for number in 0..<Int.random(in: 0...3, using: &generator) { headers.add("Name-\(number)", "value") }
        return headers
    }

    private static func payload(using generator: inout SeededGenerator) -> [UInt8] {
        (0..<Int.random(in: 0...60, using: &generator)).map { _ in UInt8.random(in: 0...255, using: &generator) }
    }
}
