import Fuzzing
import RivuletWire

/// What clients send: no bytes trap, no cutting changes the frames, the short way to read a PUB agrees with the long one, and what is
/// written anew is read the same.
enum ClientFrames {
    static func check(_ input: [UInt8]) {
        let input = FrameInput(input)
        let (bytes, parser) = (input.bytes, input.parser)
        let parse = { (bytes: borrowing Span<UInt8>, offset: Int) throws(WireError) in try parser.nextClientFrame(in: bytes, from: offset) }
        let whole = FrameStream(of: bytes, ends: CollectionOfOne(bytes.count), parse)
        for cut in input.cuts {
            expect(FrameStream(of: bytes, ends: cut, parse).agrees(with: whole), "the frames depend on the reads")
        }
        for offset in 0...bytes.count { checkPlain(bytes, from: offset, parser) }
        for frame in whole.frames { checkWriting(frame, bytes) }
    }

    private static func checkPlain(_ bytes: [UInt8], from offset: Int, _ parser: FrameParser) {
        guard let plain = parser.plainPublish(in: bytes.span, from: offset) else { return }
        guard case .frame(.publish(let frame), let consumed)? = try? parser.nextClientFrame(in: bytes.span, from: offset) else {
            return expect(false, "only the short way sees a PUB")
        }
        expect(plain.frame == frame && plain.end == offset + consumed, "the short way sees another PUB")
    }

    private static func checkWriting(_ frame: ClientFrame, _ bytes: [UInt8]) {
        var written: [UInt8] = []
        switch frame {
        case .publish(let publish):
            guard let subject = String(validating: bytes[publish.subject], as: UTF8.self) else { return }
            let reply = publish.reply.map { String(validating: bytes[$0], as: UTF8.self) }
            if case .some(nil) = reply { return }
            FrameEncoder.publish(subject, reply: reply ?? nil, payload: Array(bytes[publish.payload]), to: &written)
            guard case .publish(let again) = only(written) else { return expect(false, "a PUB is not read back") }
            expect(
                written[again.subject] == bytes[publish.subject] && again.reply.map { written[$0] } == publish.reply.map { bytes[$0] }
                    && written[again.payload] == bytes[publish.payload], "a PUB is read back as another")
            if let tail = publish.tail { checkTail(tail, of: publish, bytes) }
        case .subscribe(let subscribe):
            guard let subject = String(validating: bytes[subscribe.subject], as: UTF8.self),
                let sid = FrameParser.decimal(subscribe.sid, in: bytes.span)
            else { return }
            FrameEncoder.subscribe(subject, sid: sid, to: &written)
            guard case .subscribe(let again) = only(written) else { return expect(false, "a SUB is not read back") }
            expect(
                written[again.subject] == bytes[subscribe.subject] && FrameParser.decimal(again.sid, in: written.span) == sid,
                "a SUB is read back as another")
        case .unsubscribe(let sid, let max):
            guard let sid = FrameParser.decimal(sid, in: bytes.span) else { return }
            FrameEncoder.unsubscribe(sid: sid, max: max, to: &written)
            guard case .unsubscribe(let again, let maxAgain) = only(written) else { return expect(false, "an UNSUB is not read back") }
            expect(FrameParser.decimal(again, in: written.span) == sid && maxAgain == max, "an UNSUB is read back as another")
        case .connect, .ping, .pong, .ok, .error, .info: break
        }
    }

    /// A server copies the tail of a PUB into a MSG.
    private static func checkTail(_ tail: Range<Int>, of publish: PublishFrame, _ bytes: [UInt8]) {
        let written = Array((publish.headers == nil ? "MSG s 1 " : "HMSG s 1 ").utf8) + bytes[tail]
        guard
            case .frame(.message(let message), written.count)? = try? FrameParser(limits: .client).nextServerFrame(
                in: written.span, from: 0)
        else { return expect(false, "a copied tail is no message") }
        expect(
            message.reply.map { written[$0] } == publish.reply.map { bytes[$0] }
                && message.headers.map { written[$0] } == publish.headers.map { bytes[$0] }
                && written[message.payload] == bytes[publish.payload], "a copied tail is another message")
    }

    private static func only(_ bytes: [UInt8]) -> ClientFrame? {
        guard case .frame(let frame, bytes.count)? = try? FrameParser(limits: .client).nextClientFrame(in: bytes.span, from: 0) else {
            return nil
        }
        return frame
    }
}
