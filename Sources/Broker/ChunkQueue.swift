import NIOCore
import RivuletWire

/// Bytes in the order they will be written, in chunks that hold whole frames. A chunk that is full is left as it is and another
/// begun, so that bytes are copied once.
///
/// Copies by pointers, since measured: each safe `ByteBuffer.writeBytes` costs three exclusivity checks, together a quarter of the
/// time of a small delivery. Each copy's length is checked against the room there is right before.
struct ChunkQueue {
    private static let smallest = 1024
    private static let largest = 65_536
    private static let mostSpare = 16
    /// Frames up to this length are copied without calls.
    private static let longestShort = 160
    /// `MSG ` in the order of memory.
    private static var message: UInt32 { UInt32(bigEndian: 0x4d53_4720) }

    private(set) var count = 0
    private var full: [ByteBuffer] = []
    private var filling = ByteBuffer()
    /// Chunks to be filled again; more than one only while there is much to write.
    private var spare: [ByteBuffer] = []
    private var size = ChunkQueue.smallest

    /// Appends a frame of the server itself.
    mutating func append(_ frame: [UInt8]) {
        reserve(frame.count)
        filling.writeBytes(frame)
        count += frame.count
    }

    /// Appends a MSG or an HMSG.
    ///
    /// - Parameter sid: The sid and a space.
    mutating func append(
        subject: borrowing Span<UInt8>, sid: borrowing Span<UInt8>, tail: borrowing Span<UInt8>, hasHeaders: Bool
    ) {
        let start = hasHeaders ? 5 : 4
        let length = start + subject.count + 1 + sid.count + tail.count
        reserve(length)
        filling.writeWithUnsafeMutableBytes(minimumWritableBytes: length) { target in
            guard target.count >= length else { return 0 }
            target[0] = UInt8(ascii: "H")
            target.storeBytes(of: Self.message, toByteOffset: start - 4, as: UInt32.self)
            var offset = start
            Self.copy(subject, to: target, at: &offset)
            target[offset] = 0x20
            offset += 1
            Self.copy(sid, to: target, at: &offset)
            Self.copy(tail, to: target, at: &offset)
            return length
        }
        count += length
    }

    /// Appends the first `number` messages of a run.
    ///
    /// - Parameter sid: The sid and a space.
    mutating func append(_ run: borrowing PublishRun, first number: Int, sid: borrowing Span<UInt8>, in bytes: borrowing Span<UInt8>) {
        let frames = run.frames.span
        var next = 0
        var left = run.length + number * (4 + sid.count)
        while next < number {
            let frame = frames[next]
            let length = 4 + sid.count + Int(frame.end - frame.subject)
            reserve(length, of: left)
            let room = filling.writableBytes
            let written = filling.writeWithUnsafeMutableBytes(minimumWritableBytes: room) { target in
                Self.copy(frames, &next, number, sid: sid, in: bytes, to: target)
            }
            guard written > 0 else { return }
            count += written
            left -= written
        }
    }

    /// Appends all messages of a run, of which only what comes before the payloads is copied: the rest stays in the buffer of the read.
    ///
    /// - Parameter sid: The sid and a space.
    mutating func append(_ run: borrowing PublishRun, sid: [UInt8], sharing buffer: ByteBuffer) {
        if filling.readableBytes > 0 {
            full.append(filling)
            filling = ByteBuffer()
        }
        var heads = ByteBuffer()
        heads.reserveCapacity(run.frames.count * (4 + sid.count) + run.frames.reduce(0) { $0 + Int($1.tail - $1.subject) })
        for frame in run.frames {
            heads.writeInteger(0x4d53_4720, as: UInt32.self)
            let start = buffer.readerIndex + Int(frame.subject)
            heads.writeImmutableBuffer(buffer.getSlice(at: start, length: Int(frame.tail - frame.subject)) ?? ByteBuffer())
            heads.writeBytes(sid)
        }
        for frame in run.frames {
            let start = buffer.readerIndex + Int(frame.tail)
            guard let head = heads.readSlice(length: 4 + Int(frame.tail - frame.subject) + sid.count),
                let tail = buffer.getSlice(at: start, length: Int(frame.end - frame.tail))
            else { return }
            full.append(head)
            full.append(tail)
            count += head.readableBytes + tail.readableBytes
        }
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
            filling = ByteBuffer()
        }
        count -= bytes
        return taken
    }

    /// Gives chunks back whose bytes were written and whom nobody else has any more, to be filled again.
    mutating func recycle(_ chunks: [ByteBuffer]) {
        let most = full.isEmpty ? 1 : Self.mostSpare
        if spare.count > most { spare.removeLast(spare.count - most) }
        for chunk in chunks where spare.count < most && chunk.storageCapacity <= Self.largest { spare.append(chunk) }
    }

    mutating func removeAll() {
        count = 0
        full = []
        filling = ByteBuffer()
        spare = []
    }

    /// Makes room for `length` bytes, which are the next of `more` that are known to follow.
    private mutating func reserve(_ length: Int, of more: Int = 0) {
        guard filling.writableBytes < length else { return }
        if filling.readableBytes > 0 {
            full.append(filling)
            size = Swift.min(size * 2, Self.largest)
        }
        let wanted = Swift.max(length, size, Swift.min(more, Self.largest))
        while let chunk = spare.popLast() {
            guard chunk.capacity >= Swift.min(wanted, Self.largest), chunk.capacity >= length else { continue }
            filling = chunk
            return filling.clear()
        }
        filling = ByteBufferAllocator().buffer(capacity: wanted)
    }

    /// Copies frames from `next` on while there is room; returns how many bytes that were.
    private static func copy(
        _ frames: borrowing Span<PublishRun.Frame>, _ next: inout Int, _ number: Int, sid: borrowing Span<UInt8>,
        in bytes: borrowing Span<UInt8>, to target: UnsafeMutableRawBufferPointer
    ) -> Int {
        bytes.withUnsafeBytes { source in
            sid.withUnsafeBytes { sid in
                guard let from = source.baseAddress, let to = target.baseAddress, let sidStart = sid.baseAddress else { return 0 }
                var sidBytes = SIMD16<UInt8>()
                for index in 0..<Swift.min(16, sid.count) { sidBytes[index] = sid[index] }
                var offset = 0
                while next < number {
                    let frame = frames[next]
                    let (start, tail, end) = (Int(frame.subject), Int(frame.tail), Int(frame.end))
                    let length = 4 + end - start + sid.count
                    guard offset + length <= target.count, start >= 0, start <= tail, tail <= end, end <= source.count else { break }
                    to.storeBytes(of: message, toByteOffset: offset, as: UInt32.self)
                    // What a short copy writes too much is written over by what follows, so that must have room as well.
                    let isShort = length <= longestShort && offset + length + 48 <= target.count && end + 48 <= source.count
                    let place = to + offset + 4
                    if isShort, sid.count <= 16 {
                        copyShort(from + start, to: place, tail - start)
                        (place + (tail - start)).storeBytes(of: sidBytes, as: SIMD16<UInt8>.self)
                        copyShort(from + tail, to: place + (tail - start + sid.count), end - tail)
                    } else {
                        place.copyMemory(from: from + start, byteCount: tail - start)
                        (place + (tail - start)).copyMemory(from: sidStart, byteCount: sid.count)
                        (place + (tail - start + sid.count)).copyMemory(from: from + tail, byteCount: end - tail)
                    }
                    offset += length
                    next += 1
                }
                return offset
            }
        }
    }

    /// Copies in steps of 16 bytes, of which the last may go beyond `count`.
    @inline(__always)
    private static func copyShort(_ source: UnsafeRawPointer, to target: UnsafeMutableRawPointer, _ count: Int) {
        var offset = 0
        while offset < count {
            (target + offset).storeBytes(of: (source + offset).loadUnaligned(as: SIMD16<UInt8>.self), as: SIMD16<UInt8>.self)
            offset += 16
        }
    }

    private static func copy(_ bytes: borrowing Span<UInt8>, to target: UnsafeMutableRawBufferPointer, at offset: inout Int) {
        let room = UnsafeMutableRawBufferPointer(rebasing: target[offset...])
        bytes.withUnsafeBytes { room.copyMemory(from: $0) }
        offset += bytes.count
    }
}
