import RivuletWire

/// Frames made before the measurement, in pieces that are sent whole, and the messages they make subscribers get.
struct PublishLoad: Sendable {
    /// Some frames in a row.
    struct Piece: Sendable {
        let start: Int
        let length: Int
        /// How many messages each subscriber gets for it.
        let count: Int
    }

    let pieces: [Piece]
    /// The first frame.
    let first: [UInt8]
    let file: BenchFile
    /// What a subscriber asks for to get them all.
    let pattern: String
    /// Every message that a subscriber with a sid of one digit gets is as long.
    let messageLength: Int
    let size: Int

    /// Messages that are published.
    init(subject: String, subjects: Int, size: Int) throws(BenchError) {
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
            if bytes.count - start + frameLength > 65_536 {
                pieces.append(Piece(start: start, length: bytes.count - start, count: count))
                start = bytes.count
                count = 0
            }
        } while number < subjects || pieces.isEmpty
        if count > 0 { pieces.append(Piece(start: start, length: bytes.count - start, count: count)) }
        self.pieces = pieces
        self.size = size
        first = Array(bytes.prefix(frameLength))
        pattern = Self.pattern(subject, of: subjects)
        messageLength = frameLength + 2
        file = try BenchFile(bytes)
    }

    /// Calls that make an object publish events.
    ///
    /// - Parameters:
    ///   - perCall: How many events each call leads to.
    ///   - size: The bytes of an event.
    init(call: String, body: String, perCall: Int, event: String, size: Int) throws(BenchError) {
        var bytes: [UInt8] = []
        FrameEncoder.publish(call, payload: Array(body.utf8), to: &bytes)
        pieces = [Piece(start: 0, length: bytes.count, count: perCall)]
        first = bytes
        pattern = event
        messageLength = "MSG \(event) 1 \(size)".utf8.count + 2 + size + 2
        self.size = size
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
