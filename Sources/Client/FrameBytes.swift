extension Array<UInt8> {
    /// A part of the bytes that are being parsed, to be kept.
    init(copying bytes: borrowing Span<UInt8>) {
        self = bytes.withUnsafeBufferPointer { Array($0) }
    }
}
