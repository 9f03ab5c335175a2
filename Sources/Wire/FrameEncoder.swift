/// Somewhere bytes can be appended to.
public protocol ByteSink {
    /// Appends one byte.
    mutating func append(_ byte: UInt8)
    /// Appends bytes.
    mutating func append(contentsOf bytes: borrowing Span<UInt8>)
}

extension [UInt8]: ByteSink {
    /// Appends bytes.
    @inlinable
    public mutating func append(contentsOf bytes: borrowing Span<UInt8>) {
        bytes.withUnsafeBufferPointer { append(contentsOf: $0) }
    }
}

/// Writes frames, by appending them to a sink. Nothing is checked: subjects, sids and texts come from `Subject`, from the parser or
/// are the program's own, so they hold no blanks or line ends.
public enum FrameEncoder {
    /// `PING`
    public static let ping = Array("PING\r\n".utf8)
    /// `PONG`
    public static let pong = Array("PONG\r\n".utf8)
    /// `+OK`
    public static let ok = Array("+OK\r\n".utf8)

    /// `INFO {json}`
    public static func info(_ info: ServerInfo, to sink: inout some ByteSink) {
        line("INFO ", info.encoded(), to: &sink)
    }

    /// `CONNECT {json}`
    public static func connect(_ options: ConnectOptions, to sink: inout some ByteSink) {
        line("CONNECT ", options.encoded(), to: &sink)
    }

    /// `-ERR 'text'`
    public static func error(_ error: WireError, to sink: inout some ByteSink) {
        line("-ERR '", error.protocolText.utf8.map { $0 < 0x20 ? 0x20 : $0 } + [UInt8(ascii: "'")], to: &sink)
    }

    /// `PING`
    public static func ping(to sink: inout some ByteSink) { sink.append(contentsOf: ping.span) }

    /// `PONG`
    public static func pong(to sink: inout some ByteSink) { sink.append(contentsOf: pong.span) }

    /// `+OK`
    public static func ok(to sink: inout some ByteSink) { sink.append(contentsOf: ok.span) }

    /// `SUB subject [queue] sid`
    public static func subscribe(_ subject: String, queue: String? = nil, sid: Int, to sink: inout some ByteSink) {
        text("SUB ", to: &sink)
        text(subject, to: &sink)
        sink.append(0x20)
        if let queue {
            text(queue, to: &sink)
            sink.append(0x20)
        }
        decimal(sid, to: &sink)
        lineEnd(to: &sink)
    }

    /// `UNSUB sid [max]`
    public static func unsubscribe(sid: Int, max: Int? = nil, to sink: inout some ByteSink) {
        text("UNSUB ", to: &sink)
        decimal(sid, to: &sink)
        if let max {
            sink.append(0x20)
            decimal(max, to: &sink)
        }
        lineEnd(to: &sink)
    }

    /// `PUB subject [reply] size`, or HPUB if there are headers, with the message.
    public static func publish(
        _ subject: String, reply: String? = nil, headers: Headers = Headers(), payload: borrowing Span<UInt8>, to sink: inout some ByteSink
    ) {
        let headersSize = headers.isEmpty ? 0 : headers.encodedCount
        // In one piece: sinks take few large ones with less work than many small ones.
        var head: [UInt8] = []
        head.reserveCapacity(subject.utf8.count + (reply?.utf8.count ?? 0) + headersSize + longestRest)
        head.append(contentsOf: (headers.isEmpty ? "PUB " : "HPUB ").utf8)
        head.append(contentsOf: subject.utf8)
        head.append(0x20)
        if let reply {
            head.append(contentsOf: reply.utf8)
            head.append(0x20)
        }
        sizes(headers: headersSize, payload: payload.count, to: &head)
        if !headers.isEmpty { headers.encode(to: &head) }
        sink.append(contentsOf: head.span)
        sink.append(contentsOf: payload)
        lineEnd(to: &sink)
    }

    /// `PUB` or `HPUB` with the message.
    public static func publish(
        _ subject: String, reply: String? = nil, headers: Headers = Headers(), payload: [UInt8], to sink: inout some ByteSink
    ) {
        publish(subject, reply: reply, headers: headers, payload: payload.span, to: &sink)
    }

    /// `MSG subject sid [reply] size`, or HMSG if there are headers, with the message. The header block is already encoded.
    @inlinable
    public static func message(
        subject: borrowing Span<UInt8>, sid: borrowing Span<UInt8>, reply: borrowing Span<UInt8>, headers: borrowing Span<UInt8>,
        payload: borrowing Span<UInt8>, to sink: inout some ByteSink
    ) {
        if headers.isEmpty {
            sink.append(contentsOf: messageStart.span)
        } else {
            sink.append(contentsOf: headerMessageStart.span)
        }
        sink.append(contentsOf: subject)
        sink.append(0x20)
        sink.append(contentsOf: sid)
        sink.append(0x20)
        messageTail(reply: reply, headers: headers, payload: payload, to: &sink)
    }

    /// What follows the sid of a MSG (an HMSG if there are headers): `[reply] size`, line end, message. An empty reply is none.
    @inlinable
    public static func messageTail(
        reply: borrowing Span<UInt8>, headers: borrowing Span<UInt8>, payload: borrowing Span<UInt8>, to sink: inout some ByteSink
    ) {
        if !reply.isEmpty {
            sink.append(contentsOf: reply)
            sink.append(0x20)
        }
        body(headers: headers, payload: payload, to: &sink)
    }

    /// Appends a number in decimal digits; a negative one as 0, since the protocol has none.
    @inlinable
    public static func decimal(_ number: Int, to sink: inout some ByteSink) {
        var divisor = 1
        while number / divisor >= 10 { divisor *= 10 }
        while divisor > 0 {
            sink.append(UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: Swift.max(0, number) / divisor % 10))
            divisor /= 10
        }
    }

    /// What a head has besides subject, reply and headers: the operation, two numbers, blanks, a line end.
    private static let longestRest = 5 + 2 * 20 + 3 + 2
    @usableFromInline static let messageStart = Array("MSG ".utf8)
    @usableFromInline static let headerMessageStart = Array("HMSG ".utf8)

    @inlinable
    static func body(headers: borrowing Span<UInt8>, payload: borrowing Span<UInt8>, to sink: inout some ByteSink) {
        sizes(headers: headers.count, payload: payload.count, to: &sink)
        sink.append(contentsOf: headers)
        sink.append(contentsOf: payload)
        lineEnd(to: &sink)
    }

    /// The end of a control line: the size of the headers if there are any, and that of all.
    @inlinable
    static func sizes(headers: Int, payload: Int, to sink: inout some ByteSink) {
        if headers > 0 {
            decimal(headers, to: &sink)
            sink.append(0x20)
        }
        decimal(headers + payload, to: &sink)
        lineEnd(to: &sink)
    }

    @inlinable
    static func lineEnd(to sink: inout some ByteSink) {
        sink.append(0x0d)
        sink.append(0x0a)
    }

    private static func text(_ text: String, to sink: inout some ByteSink) {
        sink.append(contentsOf: Array(text.utf8).span)
    }

    private static func line(_ start: String, _ rest: [UInt8], to sink: inout some ByteSink) {
        text(start, to: &sink)
        sink.append(contentsOf: rest.span)
        lineEnd(to: &sink)
    }
}
