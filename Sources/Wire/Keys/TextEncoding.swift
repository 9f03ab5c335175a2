/// Bytes as text in an alphabet whose size is a power of two: base 32 as NKeys have it, base 64 as signatures have it.
public struct TextEncoding: Sendable {
    private let alphabet: [UInt8]
    private let values: [UInt8: UInt8]
    private let bits: Int

    private init(_ alphabet: String, bits: Int, alsoRead alternatives: [UInt8: UInt8] = [:]) {
        self.alphabet = Array(alphabet.utf8)
        self.bits = bits
        var values = alternatives
        for (value, letter) in alphabet.utf8.enumerated() { values[letter] = UInt8(truncatingIfNeeded: value) }
        self.values = values
    }

    /// RFC 4648 base 32, without padding.
    public static let base32 = TextEncoding("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", bits: 5)

    /// RFC 4648 base 64 for URLs, without padding; the other alphabet and padding are read as well, as nats-server does.
    public static let base64 = TextEncoding(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", bits: 6,
        alsoRead: [UInt8(ascii: "+"): 62, UInt8(ascii: "/"): 63])

    /// The bytes as text.
    public func encode(_ bytes: some Sequence<UInt8>) -> String {
        var text: [UInt8] = []
        var pending = 0
        var count = 0
        for byte in bytes {
            pending = (pending << 8 | Int(byte)) & 0xffff
            count += 8
            while count >= bits {
                count -= bits
                text.append(alphabet[(pending >> count) & (alphabet.count - 1)])
            }
        }
        if count > 0 { text.append(alphabet[(pending << (bits - count)) & (alphabet.count - 1)]) }
        return String(decoding: text, as: UTF8.self)
    }

    /// The bytes that the text stands for; nil if it is not what ``encode(_:)`` makes, but for padding at its end.
    public func decode(_ text: some StringProtocol) -> [UInt8]? {
        var letters = Array(text.utf8)
        while letters.last == UInt8(ascii: "=") { letters.removeLast() }
        var bytes: [UInt8] = []
        var pending = 0
        var count = 0
        for letter in letters {
            guard let value = values[letter] else { return nil }
            pending = (pending << bits | Int(value)) & 0xffff
            count += bits
            if count >= 8 {
                count -= 8
                bytes.append(UInt8(truncatingIfNeeded: pending >> count))
            }
        }
        // What is left over of the last letter holds nothing.
        guard count < bits, pending & ((1 << count) - 1) == 0 else { return nil }
        return bytes
    }
}
