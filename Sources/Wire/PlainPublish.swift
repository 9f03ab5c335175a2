/// A PUB in the form that nearly every client writes: capital letters, single spaces, CRLF, no leading zeros, all of it there.
///
/// Offsets into the bytes that were parsed. The bytes from `subject` to `end` are the subject, one space, and what a MSG has after
/// its sid and one space.
public struct PlainPublish: Sendable, Hashable {
    /// Where the subject begins.
    public var subject: Int
    /// Where what follows the subject and its space begins.
    public var tail: Int
    /// After the frame's last byte.
    public var end: Int
    /// Bytes of payload.
    public var size: Int
    /// Whether there is a reply subject.
    public var hasReply: Bool

    /// With these offsets.
    @inlinable
    public init(subject: Int, tail: Int, end: Int, size: Int, hasReply: Bool) {
        self.subject = subject
        self.tail = tail
        self.end = end
        self.size = size
        self.hasReply = hasReply
    }

    /// The same as `nextClientFrame` reads it.
    public var frame: PublishFrame {
        let payload = (end - 2 - size)..<(end - 2)
        var reply: Range<Int>?
        if hasReply {
            // A space, the digits of the size and CRLF come between the reply subject and the payload.
            var digits = 1
            var rest = size
            while rest >= 10 {
                rest /= 10
                digits += 1
            }
            reply = tail..<(payload.lowerBound - 2 - digits - 1)
        }
        return PublishFrame(subject: subject..<(tail - 1), reply: reply, headers: nil, payload: payload, tail: tail..<end)
    }
}

extension FrameParser {
    /// The PUB that starts at `offset`, if it is plain. Nil says nothing about the bytes but that `nextClientFrame` has to look.
    ///
    /// Reads by pointer, eight bytes at a time, since measured: parsing was half of the time of a small message. Every access is to
    /// `index + 8` or `index + 4` at most `count`, or to an index below `count`, and checked to be so right before.
    @inlinable
    public func plainPublish(in bytes: borrowing Span<UInt8>, from offset: Int) -> PlainPublish? {
        bytes.withUnsafeBytes { bytes in
            let origin = offset + 4
            guard offset >= 0, origin <= bytes.count else { return nil }
            guard UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)) == 0x2042_5550 else { return nil }
            guard let subjectEnd = Self.tokenEnd(in: bytes, from: origin), bytes[subjectEnd] == 0x20 else { return nil }
            let tail = subjectEnd + 1
            var sizeStart = tail
            guard var lineEnd = Self.tokenEnd(in: bytes, from: tail) else { return nil }
            let hasReply = bytes[lineEnd] == 0x20
            if hasReply {
                sizeStart = lineEnd + 1
                guard let end = Self.tokenEnd(in: bytes, from: sizeStart) else { return nil }
                lineEnd = end
            }
            guard bytes[lineEnd] == 0x0d, lineEnd - origin <= limits.controlLine else { return nil }
            // At most nine digits, so that nothing overflows before it is compared with the limit.
            guard lineEnd - sizeStart <= 9, bytes[sizeStart] != UInt8(ascii: "0") || lineEnd - sizeStart == 1 else { return nil }
            var size = 0
            var index = sizeStart
            while index < lineEnd {
                let digit = bytes[index] &- UInt8(ascii: "0")
                guard digit <= 9 else { return nil }
                size = size &* 10 &+ Int(digit)
                index += 1
            }
            guard size <= limits.payload else { return nil }
            let end = lineEnd + 2 + size + 2
            guard end <= bytes.count, bytes[lineEnd + 1] == 0x0a, bytes[end - 2] == 0x0d, bytes[end - 1] == 0x0a else { return nil }
            return PlainPublish(subject: origin, tail: tail, end: end, size: size, hasReply: hasReply)
        }
    }

    /// The first byte that is a blank or a control character; nil if there is none, or it is the first of all.
    @inlinable
    @inline(__always)
    static func tokenEnd(in bytes: UnsafeRawBufferPointer, from start: Int) -> Int? {
        var index = start
        while index + 8 <= bytes.count {
            let eight = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self))
            // The high bit of each byte below 0x21; borrows can only set bits above the lowest one that is right.
            let found = (eight &- 0x2121_2121_2121_2121) & ~eight & 0x8080_8080_8080_8080
            if found != 0 {
                index += found.trailingZeroBitCount >> 3
                return index > start ? index : nil
            }
            index += 8
        }
        while index < bytes.count {
            if bytes[index] <= 0x20 { return index > start ? index : nil }
            index += 1
        }
        return nil
    }
}
