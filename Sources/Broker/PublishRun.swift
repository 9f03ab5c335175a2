import NIOCore
import RivuletWire

/// Consecutive messages of one read that go to the same subscribers, so that each subscriber is visited once for all of them.
///
/// Offsets into the bytes of the read; the run is delivered before those go.
struct PublishRun {
    struct Frame {
        /// Where the PUB begins.
        var start: Int32 { subject - 4 }
        /// Where the subject begins; it and one space end at `tail`.
        let subject: Int32
        /// Where what a MSG has after its sid begins.
        let tail: Int32
        let end: Int32
        /// Bytes of payload.
        let size: Int32
    }

    /// More would keep memory busy that a connection at rest does not need.
    static let longest = 512
    private static let leastShared = 4096

    private(set) var route: SubjectRoute?
    private(set) var frames: [Frame] = []
    /// Bytes of payload in all.
    private(set) var size = 0
    /// Whether any of them is a request.
    private(set) var hasRequests = false
    /// Bytes of all frames, without what the subscriber adds.
    private(set) var length = 0

    var isFull: Bool { frames.count >= Self.longest }

    /// Whether subscribers should refer to the bytes of the read instead of copying them: messages are large, and what is kept alive
    /// is at most twice as much as is counted as pending.
    func isWorthSharing(_ buffer: ByteBuffer) -> Bool {
        length >= frames.count * Self.leastShared && length * 2 >= buffer.storageCapacity
    }

    /// Bytes of payload of the first messages.
    func size(first count: Int) -> Int { frames.prefix(count).reduce(0) { $0 + Int($1.size) } }

    /// What is appended from now on goes along this route.
    mutating func begin(_ route: SubjectRoute) {
        self.route = route
    }

    mutating func append(_ publish: PlainPublish) {
        frames.append(
            Frame(
                subject: Int32(truncatingIfNeeded: publish.subject), tail: Int32(truncatingIfNeeded: publish.tail),
                end: Int32(truncatingIfNeeded: publish.end), size: Int32(truncatingIfNeeded: publish.size)))
        hasRequests = hasRequests || publish.hasReply
        size += publish.size
        length += publish.end - publish.subject
    }

    /// Appends a message that is not on the wire yet: its bytes are appended to `bytes` first.
    mutating func append(_ name: borrowing Span<UInt8>, _ payload: borrowing Span<UInt8>, to bytes: inout [UInt8]) {
        let start = bytes.count
        name.withUnsafeBufferPointer { bytes.append(contentsOf: $0) }
        bytes.append(0x20)
        let tail = bytes.count
        FrameEncoder.messageTail(reply: Span(), headers: Span(), payload: payload, to: &bytes)
        append(PlainPublish(subject: start, tail: tail, end: bytes.count, size: payload.count, hasReply: false))
    }

    mutating func removeFrames() {
        frames.removeAll(keepingCapacity: true)
        hasRequests = false
        size = 0
        length = 0
    }

    /// Forgets the route: the interest may change now.
    mutating func end() {
        route = nil
    }
}
