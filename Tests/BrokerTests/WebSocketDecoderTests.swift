import NIOCore
import Testing

@testable import RivuletBroker

/// Frames, cut into pieces anywhere.
@Suite struct WebSocketDecoderTests {
    private typealias Bytes = WebSocketBytes

    private struct Seen: Equatable {
        var data: [UInt8] = []
        var controls: [WebSocketDecoder.Control] = []
    }

    private func decode(_ pieces: [ArraySlice<UInt8>]) throws -> Seen {
        var decoder = WebSocketDecoder(maximumFrameSize: 100_000)
        var seen = Seen()
        for piece in pieces {
            var input = ByteBuffer(bytes: piece)
            var data = ByteBuffer()
            while let control = try decoder.decode(&input, into: &data) { seen.controls.append(control) }
            #expect(input.readableBytes == 0)
            seen.data += data.readableBytesView
        }
        return seen
    }

    @Test func wherePiecesEndDoesNotMatter() throws {
        let long = (0..<70_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        let middle = Array(long.prefix(301))
        let bytes =
            Bytes.frame(Bytes.binary, middle.prefix(17), isFinal: false) + Bytes.frame(Bytes.ping, "p") + Bytes.frame(0, "", isFinal: false)
            + Bytes.frame(0, middle.dropFirst(17)) + Bytes.frame(Bytes.pong, "") + Bytes.frame(Bytes.text, "text")
            + Bytes.frame(Bytes.ping, String(repeating: "q", count: 125)) + Bytes.frame(Bytes.close, [0x03, 0xe8])
        let expected = Seen(
            data: middle + Array("text".utf8),
            controls: [
                .ping(Array("p".utf8)), .pong, .ping(Array(repeating: UInt8(ascii: "q"), count: 125)), .close([0x03, 0xe8]),
            ])
        #expect(try decode([bytes[...]]) == expected)
        #expect(try decode(bytes.indices.map { bytes[$0...$0] }) == expected)
        for split in bytes.indices { #expect(try decode([bytes[..<split], bytes[split...]]) == expected) }
        let large = Bytes.frame(Bytes.binary, long)
        for split in [1, 9, 13, 14, 15, 29, 30, 31, 69_999] {
            #expect(try decode([large[..<split], large[split...]]) == Seen(data: long))
        }
    }
}
