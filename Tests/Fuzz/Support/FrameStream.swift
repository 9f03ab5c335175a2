public import RivuletWire

/// Bytes as a parser sees them that come in pieces: it looks again from where the last whole frame ended, at all there is so far.
public struct FrameStream<Frame: Sendable & Hashable> {
    /// Looks for a frame at an offset.
    public typealias Parse = (borrowing Span<UInt8>, Int) throws(WireError) -> FrameParser.Result<Frame>

    /// What was found.
    public private(set) var frames: [Frame] = []
    /// Where each frame begins.
    public private(set) var starts: [Int] = []
    /// What ended it.
    public private(set) var error: WireError?
    private var offset = 0
    /// As many bytes must be there before there is more to find.
    private var needed = 0

    /// - Parameter ends: How many bytes are there at each look, in ascending order.
    public init(of bytes: [UInt8], ends: some Sequence<Int>, _ parse: Parse) {
        for end in ends {
            // A copy, so that the address sanitizer knows where it ends.
            look(at: Array(bytes.prefix(end)), parse)
        }
    }

    private mutating func look(at bytes: [UInt8], _ parse: Parse) {
        while error == nil, offset < bytes.count {
            do throws(WireError) {
                switch try parse(bytes.span, offset) {
                case .frame(let frame, let consumed):
                    expect(bytes.count >= needed, "a frame was found before it was said to be complete")
                    expect(consumed > 0 && offset + consumed <= bytes.count, "a frame goes beyond the bytes")
                    frames.append(frame)
                    starts.append(offset)
                    offset += consumed
                    needed = 0
                case .incomplete(let atLeast):
                    expect(offset + atLeast > bytes.count, "what is said to be missing is there")
                    needed = max(needed, offset + atLeast)
                    return
                }
            } catch {
                self.error = error
            }
        }
    }

    /// Whether both saw the same.
    public func agrees(with other: FrameStream) -> Bool {
        frames == other.frames && starts == other.starts && error == other.error
    }
}
