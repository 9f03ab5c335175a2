package import NIOCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Writes to a connection's socket without its pipeline, which takes as long as the system itself for a small message.
///
/// The descriptor is the channel's: it may only be used on the channel's event loop, and while the channel is active, since both the
/// close and what follows from it happen there. The channel must have nothing of its own to write, and no handler that changes bytes.
package struct DirectSocket: Sendable {
    private static let mostPieces = 64

    #if canImport(Darwin)
        // SwiftNIO has seen to SIGPIPE.
        private static let flags = CInt(MSG_DONTWAIT)
    #else
        private static let flags = CInt(MSG_DONTWAIT) | CInt(MSG_NOSIGNAL)
    #endif

    private let descriptor: CInt

    /// The socket of a channel; nil if it has none.
    package init?(_ channel: any Channel) {
        let descriptor = try? channel.pipeline.syncOperations.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) { $0 }
        guard let descriptor else { return nil }
        self.descriptor = descriptor
    }

    /// Writes what the system takes now.
    ///
    /// - Returns: What it did not take; everything too when the connection is broken, since the channel finds that out as well.
    package func write(_ chunks: [ByteBuffer]) -> ArraySlice<ByteBuffer> {
        var rest = chunks[...]
        while let first = rest.first {
            let pieces = rest.prefix(Self.mostPieces)
            let wanted = pieces.reduce(0) { $0 + $1.readableBytes }
            let written = pieces.count == 1 ? send(first) : send(pieces)
            guard written > 0 else { break }
            Self.drop(written, from: &rest)
            // The system is full.
            if written < wanted { break }
        }
        return rest
    }

    private func send(_ piece: ByteBuffer) -> Int {
        piece.withUnsafeReadableBytes { bytes in
            Self.retrying { systemSend(descriptor, bytes.baseAddress, bytes.count, Self.flags) }
        }
    }

    /// Calls again what a signal interrupted.
    private static func retrying(_ call: () -> Int) -> Int {
        while true {
            let written = call()
            if written >= 0 || errno != EINTR { return written }
        }
    }

    private func send(_ pieces: ArraySlice<ByteBuffer>) -> Int {
        withUnsafeTemporaryAllocation(of: iovec.self, capacity: pieces.count) { vectors in
            Self.fill(vectors, with: pieces) { count in
                var message = msghdr()
                message.msg_iov = vectors.baseAddress
                message.msg_iovlen = numericCast(count)
                return Self.retrying { sendmsg(descriptor, &message, Self.flags) }
            }
        }
    }

    /// Calls `body` while all pieces are pinned.
    private static func fill(
        _ vectors: UnsafeMutableBufferPointer<iovec>, with pieces: ArraySlice<ByteBuffer>, at index: Int = 0, _ body: (Int) -> Int
    ) -> Int {
        guard let piece = pieces.first, index < vectors.count else { return body(index) }
        return piece.withUnsafeReadableBytes { bytes in
            vectors.initializeElement(
                at: index, to: iovec(iov_base: UnsafeMutableRawPointer(mutating: bytes.baseAddress), iov_len: bytes.count))
            return fill(vectors, with: pieces.dropFirst(), at: index + 1, body)
        }
    }

    private static func drop(_ written: Int, from rest: inout ArraySlice<ByteBuffer>) {
        var left = written
        while let first = rest.first, first.readableBytes <= left {
            left -= first.readableBytes
            rest.removeFirst()
        }
        if left > 0, !rest.isEmpty { rest[rest.startIndex].moveReaderIndex(forwardBy: left) }
    }
}

private let systemSend = send
