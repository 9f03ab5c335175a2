import NIOCore
import RivuletWire

/// Bytes in the order they will be written, in chunks that hold whole frames. A chunk that is full is left as it is and another
/// begun, so that bytes are copied once.
struct ChunkQueue {
    private static let smallest = 1024
    private static let largest = 65_536

    private(set) var count = 0
    private var full: [ByteBuffer] = []
    private var filling = ByteBuffer()
    private var spare: ByteBuffer?
    private var size = ChunkQueue.smallest

    /// Appends a frame that consists of three parts.
    ///
    /// Copies by pointers, since measured: each safe `ByteBuffer.writeBytes` costs three exclusivity checks, together a quarter of the
    /// time of a small delivery. The buffer hands out at least `length` bytes, and the parts are exactly that long.
    mutating func append(_ first: borrowing Span<UInt8>, _ second: borrowing Span<UInt8>, _ third: borrowing Span<UInt8>) {
        let length = first.count + second.count + third.count
        if filling.writableBytes < length { begin(length) }
        filling.writeWithUnsafeMutableBytes(minimumWritableBytes: length) { target in
            first.withUnsafeBytes { target.copyMemory(from: $0) }
            second.withUnsafeBytes { UnsafeMutableRawBufferPointer(rebasing: target[first.count...]).copyMemory(from: $0) }
            third.withUnsafeBytes {
                UnsafeMutableRawBufferPointer(rebasing: target[(first.count + second.count)...]).copyMemory(from: $0)
            }
            return length
        }
        count += length
    }

    mutating func append(_ frame: [UInt8]) {
        append(frame.span, Span(), Span())
    }

    /// Takes chunks from the front until they hold `limit` bytes or none is left.
    mutating func take(limit: Int) -> [ByteBuffer] {
        var taken: [ByteBuffer] = []
        var bytes = 0
        var number = 0
        while number < full.count, bytes < limit {
            bytes += full[number].readableBytes
            taken.append(full[number])
            number += 1
        }
        full.removeFirst(number)
        if bytes < limit, full.isEmpty, filling.readableBytes > 0 {
            bytes += filling.readableBytes
            taken.append(filling)
            filling = spare ?? ByteBuffer()
            spare = nil
        }
        count -= bytes
        return taken
    }

    /// Gives a chunk back whose bytes were written, to be filled again.
    mutating func recycle(_ chunk: ByteBuffer) {
        guard spare == nil, chunk.capacity <= Self.largest else { return }
        spare = chunk
        spare?.clear()
    }

    mutating func removeAll() {
        count = 0
        full = []
        filling = ByteBuffer()
        spare = nil
    }

    private mutating func begin(_ length: Int) {
        if filling.readableBytes > 0 {
            full.append(filling)
            size = Swift.min(size * 2, Self.largest)
        }
        if let spare, spare.capacity >= length {
            filling = spare
            self.spare = nil
        } else {
            filling = ByteBufferAllocator().buffer(capacity: Swift.max(size, length))
        }
    }
}
