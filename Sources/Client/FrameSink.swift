import NIOCore
import RivuletWire

/// Frames on their way into a buffer.
struct FrameSink: ByteSink {
    var buffer = ByteBuffer()

    mutating func append(_ byte: UInt8) {
        buffer.writeInteger(byte)
    }

    mutating func append(contentsOf bytes: borrowing Span<UInt8>) {
        buffer.writeBytes(bytes.bytes)
    }
}
