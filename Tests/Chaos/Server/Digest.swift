/// FNV-1a over entries and the line breaks after them: each digest depends on all entries before it.
struct Digest: Codable, Sendable {
    private var hash: UInt64 = 0xCBF2_9CE4_8422_2325

    init() {}

    init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        guard let hash = UInt64(text, radix: 16) else {
            throw DecodingError.dataCorrupted(.init(codingPath: decoder.codingPath, debugDescription: "\(text) is no digest"))
        }
        self.hash = hash
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }

    /// Hexadecimal, for JSON's numbers do not hold it.
    var text: String { String(hash, radix: 16) }

    mutating func add(_ entry: String) {
        for byte in entry.utf8 { add(byte) }
        add(UInt8(ascii: "\n"))
    }

    private mutating func add(_ byte: UInt8) {
        hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3
    }
}
