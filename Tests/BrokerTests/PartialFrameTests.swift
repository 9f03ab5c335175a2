import NIOCore
import TestSupport
import Testing

@testable import RivuletBroker

/// Frames that come in pieces.
struct PartialFrameTests {
    private let allocator = ByteBufferAllocator()

    private func bytes(_ numbers: some Collection<Int>) -> ByteBuffer { ByteBuffer(bytes: numbers.map { UInt8(truncatingIfNeeded: $0) }) }

    @Test func nothingIsKeptOfWhatIsWhole() {
        var partial = PartialFrame()
        partial.keep(bytes(0..<10), from: 10, needed: 0, allocator: allocator)
        #expect(partial.isEmpty)
    }

    /// Whatever the pieces are: all bytes come in their order, and no more than a line's worth is taken past the end of a frame.
    @Test(arguments: 0..<50)
    func aFrameIsCompletedWithLittleMoreThanItNeeds(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let length = Int.random(in: 2..<2000, using: &random)
        let kept = Int.random(in: 1..<length, using: &random)
        let offset = Int.random(in: 0..<20, using: &random)
        var partial = PartialFrame()
        partial.keep(bytes(-offset..<kept), from: offset, needed: length, allocator: allocator)
        #expect(partial.count == kept)
        var sent = kept
        while true {
            let size = Int.random(in: 1..<700, using: &random)
            var read = bytes(sent..<sent + size)
            sent += size
            guard let whole = partial.complete(with: &read) else {
                #expect(read.readableBytes == 0 && partial.count == sent && sent < length)
                continue
            }
            #expect(partial.isEmpty)
            #expect(whole == bytes(0..<whole.readableBytes) && whole.readableBytes >= length)
            #expect(whole.readableBytes + read.readableBytes == sent)
            #expect(whole.readableBytes - (sent - size) <= Swift.max(length - (sent - size), 128))
            return
        }
    }

    @Test func whatHasToWaitIsKeptInWhole() {
        var partial = PartialFrame()
        partial.keep(bytes(0..<5), from: 2, needed: 3, allocator: allocator)
        var read = bytes(5..<3000)
        partial.append(&read)
        #expect(read.readableBytes == 0)
        #expect(partial.take() == bytes(2..<3000))
        #expect(partial.isEmpty)
    }
}
