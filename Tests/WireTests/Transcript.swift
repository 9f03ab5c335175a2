import RivuletWire

/// What a stream of bytes means, as text, so that streams can be compared however they were split.
struct Transcript: Equatable {
    var frames: [String] = []
    var error: WireError?

    /// Parses client operations that arrive in the given reads, keeping incomplete frames as an owner of a connection would.
    static func ofClient(_ reads: [[UInt8]], limits: WireLimits = .server) -> Transcript {
        let parser = FrameParser(limits: limits)
        return parse(reads) { bytes, offset throws(WireError) in
            switch try parser.nextClientFrame(in: bytes.span, from: offset) {
            case .incomplete(let atLeast): .incomplete(atLeast: atLeast)
            case .frame(let frame, let consumed): .frame(describe(frame, in: bytes), consumed: consumed)
            }
        }
    }

    /// Parses server operations that arrive in the given reads.
    static func ofServer(_ reads: [[UInt8]], limits: WireLimits = .client) -> Transcript {
        let parser = FrameParser(limits: limits)
        return parse(reads) { bytes, offset throws(WireError) in
            switch try parser.nextServerFrame(in: bytes.span, from: offset) {
            case .incomplete(let atLeast): .incomplete(atLeast: atLeast)
            case .frame(let frame, let consumed): .frame(describe(frame, in: bytes), consumed: consumed)
            }
        }
    }

    private static func parse(
        _ reads: [[UInt8]], _ next: ([UInt8], Int) throws(WireError) -> FrameParser.Result<String>
    ) -> Transcript {
        var transcript = Transcript()
        var pending: [UInt8] = []
        var needed = 0
        do throws(WireError) {
            for read in reads {
                pending += read
                guard pending.count >= needed else { continue }
                var offset = 0
                parsing: while true {
                    switch try next(pending, offset) {
                    case .frame(let frame, let consumed):
                        transcript.frames.append(frame)
                        offset += consumed
                    case .incomplete(let atLeast):
                        needed = atLeast
                        break parsing
                    }
                }
                pending.removeFirst(offset)
            }
        } catch {
            transcript.error = error
        }
        return transcript
    }

    private static func describe(_ frame: ClientFrame, in bytes: [UInt8]) -> String {
        switch frame {
        case .connect(let json): "connect \(text(json, bytes))"
        case .publish(let frame):
            "publish \(text(frame.subject, bytes)) reply \(text(frame.reply, bytes)) headers \(text(frame.headers, bytes)) "
                + "payload \(text(frame.payload, bytes)) tail \(text(frame.tail, bytes))"
        case .subscribe(let frame):
            "subscribe \(text(frame.subject, bytes)) queue \(text(frame.queue, bytes)) sid \(text(frame.sid, bytes))"
        case .unsubscribe(let sid, let max): "unsubscribe \(text(sid, bytes)) max \(max.map(String.init) ?? "-")"
        case .ping: "ping"
        case .pong: "pong"
        case .ok: "ok"
        case .error(let range): "error \(text(range, bytes))"
        case .info(let json): "info \(text(json, bytes))"
        }
    }

    private static func describe(_ frame: ServerFrame, in bytes: [UInt8]) -> String {
        switch frame {
        case .info(let json): "info \(text(json, bytes))"
        case .message(let frame):
            "message \(text(frame.subject, bytes)) sid \(text(frame.sid, bytes)) reply \(text(frame.reply, bytes)) "
                + "headers \(text(frame.headers, bytes)) payload \(text(frame.payload, bytes))"
        case .ping: "ping"
        case .pong: "pong"
        case .ok: "ok"
        case .error(let range): "error \(text(range, bytes))"
        }
    }

    private static func text(_ range: Range<Int>?, _ bytes: [UInt8]) -> String {
        guard let range else { return "-" }
        return String(decoding: bytes[range], as: UTF8.self)
    }
}
