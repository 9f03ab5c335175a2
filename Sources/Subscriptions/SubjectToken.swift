/// Any text as one subject token and back: percent-encoding of what a token may not hold.
public enum SubjectToken {
    /// Encodes dots, wildcards, slashes, percent signs, white space and control characters; other characters, emoji too, stay.
    public static func encode(_ text: String) -> String {
        guard text.utf8.contains(where: mustEncode) else { return text }
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            if mustEncode(byte) {
                bytes += [UInt8(ascii: "%"), hex(byte >> 4), hex(byte & 15)]
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Decodes what ``encode(_:)`` makes; nil for text that is empty, not UTF-8, wrongly encoded, or that had to be encoded.
    public static func decode(_ token: some StringProtocol) -> String? {
        guard !token.isEmpty else { return nil }
        guard token.utf8.contains(where: mustEncode) else { return String(token) }
        var bytes: [UInt8] = []
        var encoded = token.utf8.makeIterator()
        while let byte = encoded.next() {
            if byte == UInt8(ascii: "%") {
                guard let high = encoded.next().flatMap(value), let low = encoded.next().flatMap(value) else { return nil }
                bytes.append(high << 4 | low)
            } else if mustEncode(byte) {
                return nil
            } else {
                bytes.append(byte)
            }
        }
        return String(validating: bytes, as: UTF8.self)
    }

    /// Whether the byte may not stand in a token as it is.
    @inlinable
    public static func mustEncode(_ byte: UInt8) -> Bool {
        switch byte {
        case 0...0x20, 0x7F, UInt8(ascii: "."), UInt8(ascii: "*"), UInt8(ascii: ">"), UInt8(ascii: "%"), UInt8(ascii: "/"): true
        default: false
        }
    }

    private static func hex(_ digit: UInt8) -> UInt8 {
        digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "A") + digit - 10
    }

    private static func value(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        default: nil
        }
    }
}
