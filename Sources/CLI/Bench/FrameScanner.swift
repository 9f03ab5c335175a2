/// Finds the frames in a stream by their control lines, and skips payloads. Checks no more than it needs to stay in step: what is
/// measured is the server, not this.
struct FrameScanner {
    enum Line {
        /// MSG, HMSG or PUB.
        case message
        case ping
        case pong
        case error
        case other
    }

    /// How many bytes are skipped at a time.
    private static let most = 1 << 20
    /// Bytes of a message that are yet to come.
    private var skip = 0
    /// The start of a line whose end is yet to come.
    private var rest: [UInt8] = []

    /// Receives once without looking, and returns how many messages began if all that came were messages of this length; nil if it has to
    /// be looked at. After a PING among them the end of a payload is taken for a line, and then the stream is in step again.
    mutating func skip(messagesOf length: Int, from socket: BenchSocket) throws -> Int? {
        guard rest.isEmpty, let count = try socket.discard(Self.most) else { return nil }
        guard count > skip else {
            skip -= count
            return 0
        }
        let messages = (count - skip + length - 1) / length
        skip += messages * length - count
        return messages
    }

    /// Receives once, and returns how many messages began. Other lines, and messages if `seesMessages`, are handed to `body`.
    mutating func receive(
        from socket: BenchSocket, _ scratch: inout [UInt8], waits: Bool = true, seesMessages: Bool = false,
        _ body: (Line, borrowing Span<UInt8>) throws -> Void
    ) throws -> Int {
        let kept = rest.count
        if kept > 0 { scratch.replaceSubrange(..<kept, with: rest) }
        let count = try socket.receive(into: &scratch, at: kept, waits: waits)
        let end = kept + count
        let bytes = scratch.span.extracting(..<end)
        var messages = 0
        var offset = min(skip, end)
        skip -= offset
        while offset < end {
            guard let lineEnd = bytes.lineFeed(from: offset) else { break }
            let first = bytes[offset]
            if first == UInt8(ascii: "M") || first == UInt8(ascii: "H")
                || (first == UInt8(ascii: "P") && bytes[offset + 1] == UInt8(ascii: "U"))
            {
                messages += 1
                if seesMessages { try body(.message, bytes.extracting(offset..<lineEnd)) }
                let next = lineEnd + 1 + Self.size(in: bytes, before: lineEnd) + 2
                offset = min(next, end)
                skip = next - offset
            } else {
                try body(Self.kind(of: bytes.extracting(offset..<lineEnd)), bytes.extracting(offset..<lineEnd))
                offset = lineEnd + 1
            }
        }
        rest.removeAll(keepingCapacity: true)
        while offset < end {
            rest.append(bytes[offset])
            offset += 1
        }
        return messages
    }

    /// The number that ends the line.
    private static func size(in bytes: borrowing Span<UInt8>, before lineEnd: Int) -> Int {
        var index = lineEnd - 2
        var factor = 1
        var size = 0
        while index >= 0, factor < 1_000_000_000 {
            let digit = bytes[index] &- UInt8(ascii: "0")
            guard digit <= 9 else { break }
            size += Int(digit) * factor
            factor *= 10
            index -= 1
        }
        return size
    }

    private static func kind(of line: borrowing Span<UInt8>) -> Line {
        guard line.count >= 4 else { return .other }
        switch (line[0], line[1]) {
        case (UInt8(ascii: "P"), UInt8(ascii: "I")): return .ping
        case (UInt8(ascii: "P"), UInt8(ascii: "O")): return .pong
        case (UInt8(ascii: "-"), _): return .error
        default: return .other
        }
    }
}
