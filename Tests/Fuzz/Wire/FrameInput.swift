import RivuletWire

/// How an input of the parsers' targets is read: the first byte chooses the limits, the second how the rest is cut.
struct FrameInput {
    let parser: FrameParser
    let bytes: [UInt8]
    /// Some ways to cut the bytes.
    let cuts: [[Int]]

    init(_ input: [UInt8]) {
        let small = WireLimits(controlLine: 24, payload: 16, headers: 12)
        parser = FrameParser(limits: (input.first ?? 0) & 1 == 0 ? .server : small)
        bytes = Array(input.dropFirst(2))
        let step = Int(input.dropFirst().first ?? 0) % 61 + 1
        cuts = [Array(1...max(1, bytes.count)), stride(from: step, to: bytes.count, by: step) + [bytes.count]]
    }
}
