import NIOCore

/// The beginning of a frame that reads have brought, until others bring the rest. It is completed with hardly more bytes than it needs:
/// those that follow stay where they are.
struct PartialFrame {
    /// How many bytes are looked at when it is not known how long the line of a frame is.
    private static let lineStep = 128

    private var bytes = ByteBuffer()
    /// How many of them there must be before it is worth looking again.
    private var needed = 0

    var count: Int { bytes.readableBytes }
    var isEmpty: Bool { count == 0 }

    /// Keeps what of a read begins at `offset`.
    ///
    /// - Parameter needed: How many bytes the frame has at least; 0 if there is none.
    mutating func keep(_ read: ByteBuffer, from offset: Int, needed: Int, allocator: ByteBufferAllocator) {
        guard needed > 0 else { return }
        bytes = allocator.buffer(capacity: needed + Self.lineStep)
        self.needed = needed
        if let rest = read.getSlice(at: read.readerIndex + offset, length: read.readableBytes - offset) {
            bytes.writeImmutableBuffer(rest)
        }
    }

    /// Keeps all of a read as well, for when somebody will look.
    mutating func append(_ read: inout ByteBuffer) {
        bytes.writeBuffer(&read)
    }

    /// Takes from a read what the frame lacks.
    ///
    /// - Returns: What there is now, if that may be the whole frame; then nothing is kept any more.
    mutating func complete(with read: inout ByteBuffer) -> ByteBuffer? {
        let missing = Swift.min(read.readableBytes, Swift.max(needed - count, Self.lineStep))
        guard let more = read.readSlice(length: missing) else { return nil }
        bytes.writeImmutableBuffer(more)
        return count >= needed ? take() : nil
    }

    /// Gives what is kept, and keeps nothing.
    mutating func take() -> ByteBuffer {
        defer { bytes = ByteBuffer() }
        return bytes
    }
}
