import Fuzzing
import RivuletWire

/// What servers send: no bytes trap, no cutting changes the frames, and what is written anew is read the same.
enum ServerFrames {
    static func check(_ input: [UInt8]) {
        let input = FrameInput(input)
        let (bytes, parser) = (input.bytes, input.parser)
        let parse = { (bytes: borrowing Span<UInt8>, offset: Int) throws(WireError) in try parser.nextServerFrame(in: bytes, from: offset) }
        let whole = FrameStream(of: bytes, ends: CollectionOfOne(bytes.count), parse)
        for cut in input.cuts {
            expect(FrameStream(of: bytes, ends: cut, parse).agrees(with: whole), "the frames depend on the reads")
        }
        for frame in whole.frames { checkWriting(frame, bytes) }
    }

    private static func checkWriting(_ frame: ServerFrame, _ bytes: [UInt8]) {
        switch frame {
        case .message(let message): checkWriting(message, bytes)
        case .error(let text):
            let error = WireError(protocolText: String(decoding: bytes[text], as: UTF8.self))
            expect(WireError(protocolText: "'\(error.protocolText)'") == error, "an error is read back as another")
        case .info, .ping, .pong, .ok: break
        }
    }

    private static func checkWriting(_ message: MessageFrame, _ bytes: [UInt8]) {
        var written: [UInt8] = []
        FrameEncoder.message(
            subject: bytes[message.subject].span, sid: bytes[message.sid].span, reply: bytes[message.reply ?? 0..<0].span,
            headers: bytes[message.headers ?? 0..<0].span, payload: bytes[message.payload].span, to: &written)
        guard
            case .frame(.message(let again), written.count)? = try? FrameParser(limits: .client).nextServerFrame(in: written.span, from: 0)
        else { return expect(false, "a message is not read back") }
        expect(
            written[again.subject] == bytes[message.subject] && written[again.sid] == bytes[message.sid]
                && again.reply.map { written[$0] } == message.reply.map { bytes[$0] }
                && again.headers.map { written[$0] } == message.headers.map { bytes[$0] }
                && written[again.payload] == bytes[message.payload], "a message is read back as another")
    }
}
