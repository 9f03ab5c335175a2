import NIOCore

/// What a client's frame was made unreadable with for those between; taken off piece by piece.
struct WebSocketMask {
    /// The next byte's comes first.
    private var key = SIMD4<UInt8>()

    /// Leaves bytes as they are.
    init() {}

    /// - Parameter key: Four bytes.
    init(_ key: some Sequence<UInt8>) {
        for (index, byte) in key.prefix(4).enumerated() { self.key[index] = byte }
    }

    /// Takes it off a few bytes.
    mutating func removed(from bytes: some Sequence<UInt8>) -> [UInt8] {
        let clear = bytes.enumerated().map { $1 ^ key[$0 & 3] }
        advance(by: clear.count)
        return clear
    }

    /// Takes it off all of `bytes`, which are read, and appends them to `target`. In steps of 16 bytes by pointers, within the room that
    /// both have: this is each byte that comes from a browser.
    mutating func move(_ bytes: inout ByteBuffer, to target: inout ByteBuffer) {
        let count = bytes.readableBytes
        let wide = SIMD16(lowHalf: SIMD8(lowHalf: key, highHalf: key), highHalf: SIMD8(lowHalf: key, highHalf: key))
        target.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { target in
            bytes.readWithUnsafeReadableBytes { source in
                let count = min(source.count, target.count)
                var offset = 0
                while count - offset >= 16 {
                    let clear = source.loadUnaligned(fromByteOffset: offset, as: SIMD16<UInt8>.self) ^ wide
                    target.storeBytes(of: clear, toByteOffset: offset, as: SIMD16<UInt8>.self)
                    offset += 16
                }
                while offset < count {
                    target[offset] = source[offset] ^ key[offset & 3]
                    offset += 1
                }
                return count
            }
        }
        advance(by: count)
    }

    private mutating func advance(by count: Int) {
        let old = key
        for index in 0..<4 { key[index] = old[(index + count) & 3] }
    }
}
