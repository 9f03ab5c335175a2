import RivuletWire
import TestSupport
import Testing

/// The short way of reading a PUB against the full one.
@Suite(.timeLimit(.minutes(1)))
struct PlainPublishTests {
    private let parser = FrameParser(limits: WireLimits(controlLine: 64, payload: 128, headers: 128))

    /// What the full way reads, if it is a PUB that can be copied.
    private func full(_ bytes: [UInt8], from offset: Int) -> PublishFrame? {
        guard case .frame(.publish(let frame), _)? = try? parser.nextClientFrame(in: bytes.span, from: offset) else { return nil }
        return frame.tail == nil || frame.headers != nil ? nil : frame
    }

    private func check(_ bytes: [UInt8], from offset: Int) {
        guard let plain = parser.plainPublish(in: bytes.span, from: offset) else { return }
        guard let frame = full(bytes, from: offset) else {
            Issue.record("read as plain: \(String(decoding: bytes, as: UTF8.self))")
            return
        }
        #expect(plain.frame == frame)
    }

    @Test(arguments: 0..<20 as Range<UInt64>) func whatIsReadAsPlainIsReadTheSameInFull(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<500 {
            var bytes = RandomFrames.noise(using: &generator)
            let offset = bytes.count
            bytes += RandomFrames.clientFrame(using: &generator)
            if Bool.random(using: &generator), let index = bytes.indices.randomElement(using: &generator) {
                bytes[index] = [0x20, 0x0d, 0x0a, 0x30, 0x39, 0, 0xff].randomElement(using: &generator) ?? 0
            }
            if Bool.random(using: &generator) { bytes.removeLast(Int.random(in: 0...Swift.min(9, bytes.count), using: &generator)) }
            check(bytes, from: Swift.min(offset, bytes.count))
            check(bytes, from: 0)
        }
    }

    @Test(arguments: ["PUB a 2\r\nhi\r\n", "PUB a.b.c.d.e.f r.s 0\r\n\r\n", "PUB \u{e9}\u{ff} 1\r\n\n\r\n", "PUB a 128\r\n"])
    func theCanonicalFormIsPlain(text: String) {
        var bytes = Array(text.utf8)
        if text.hasSuffix("128\r\n") { bytes += [UInt8](repeating: 0, count: 128) + [0x0d, 0x0a] }
        let plain = parser.plainPublish(in: bytes.span, from: 0)
        #expect(plain?.end == bytes.count)
        check(bytes, from: 0)
        for length in 0..<bytes.count { #expect(parser.plainPublish(in: Array(bytes.prefix(length)).span, from: 0) == nil) }
    }

    @Test(arguments: [
        "pub a 1\r\nx\r\n", "PUB a 01\r\nx\r\n", "PUB  a 1\r\nx\r\n", "PUB a  1\r\nx\r\n", "PUB a 1 \r\nx\r\n", "PUB a 1\nx\r\n",
        "PUB a\t1\r\nx\r\n", "PUB a 1\r\nx\n\n", "PUB a -1\r\n\r\n", "PUB a\r\n\r\n", "PUB a r s 1\r\nx\r\n", "PUB a 129\r\n",
        "PUB 1\r\nx\r\n",
        "PUB a 99999999999999999999\r\n\r\n", "HPUB a 1 1\r\nx\r\n",
    ])
    func everythingElseIsNot(text: String) {
        let bytes = Array(text.utf8) + [UInt8](repeating: 0x0d, count: 200)
        #expect(parser.plainPublish(in: bytes.span, from: 0) == nil)
    }
}
