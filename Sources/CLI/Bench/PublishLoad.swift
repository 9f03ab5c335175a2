import RivuletWire

/// Frames made before the measurement, in pieces that are sent whole.
struct PublishLoad: Sendable {
    /// Some frames in a row.
    struct Piece: Sendable {
        let start: Int
        let count: Int
    }

    let pieces: [Piece]
    let file: BenchFile
    /// Every frame is as long as any other.
    let frameLength: Int

    /// As long as every MSG that a subscriber with a sid of one digit gets.
    var messageLength: Int { frameLength + 2 }

    /// - Parameter pieceSize: About how many bytes a piece is; it holds one frame at least.
    init(subject: String, subjects: Int, size: Int, pieceSize: Int) throws(BenchError) {
        let payload = [UInt8](repeating: UInt8(ascii: "x"), count: size)
        var pieces: [Piece] = []
        var bytes: [UInt8] = []
        var start = 0
        var count = 0
        var number = 0
        var frameLength = 0
        repeat {
            FrameEncoder.publish(Self.name(subject, number, of: subjects), payload: payload, to: &bytes)
            count += 1
            number += 1
            if frameLength == 0 { frameLength = bytes.count }
            if bytes.count - start + frameLength > pieceSize {
                pieces.append(Piece(start: start, count: count))
                start = bytes.count
                count = 0
            }
        } while number < subjects || pieces.isEmpty
        if count > 0 { pieces.append(Piece(start: start, count: count)) }
        self.pieces = pieces
        self.frameLength = frameLength
        file = try BenchFile(bytes)
    }

    /// The subject itself, or one of several, whose names are equally long.
    static func name(_ subject: String, _ number: Int, of subjects: Int) -> String {
        guard subjects > 1 else { return subject }
        let digits = String(number % subjects)
        return subject + "." + String(repeating: "0", count: max(0, String(subjects - 1).count - digits.count)) + digits
    }

    /// What a subscriber asks for to get them all.
    static func pattern(_ subject: String, of subjects: Int) -> String {
        subjects > 1 ? subject + ".*" : subject
    }
}
