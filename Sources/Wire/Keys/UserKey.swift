/// A user's public NKey: an Ed25519 key as text that starts with `U` and ends in a checksum.
public struct UserKey: Sendable, Hashable, CustomStringConvertible {
    /// The 32 bytes of the Ed25519 public key.
    public let bytes: [UInt8]

    /// Reads a key's text.
    ///
    /// - Throws: ``KeyError``.
    public init(_ text: some StringProtocol) throws(KeyError) {
        let decoded = try KeyText.decode(text, length: 33)
        guard decoded[0] == KeyText.user else { throw KeyError("is not the public key of a user, which starts with U") }
        bytes = Array(decoded.dropFirst())
    }

    /// A key of 32 bytes.
    ///
    /// - Throws: ``KeyError`` for another number of bytes.
    public init(bytes: some Collection<UInt8>) throws(KeyError) {
        guard bytes.count == 32 else { throw KeyError("has another length than 32 bytes") }
        self.bytes = Array(bytes)
    }

    /// The text.
    public var description: String { KeyText.encode([KeyText.user] + bytes) }
}

/// The seed of a user's NKey, from which its private key is made: text that starts with `SU`. Keep it secret.
public struct UserSeed: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The 32 bytes of the Ed25519 private key.
    public let bytes: [UInt8]

    /// Reads a seed's text.
    ///
    /// - Throws: ``KeyError``, which does not repeat the text.
    public init(_ text: some StringProtocol) throws(KeyError) {
        let decoded = try KeyText.decode(text, length: 34)
        let kind = (decoded[0] & 0b111) << 5 | decoded[1] >> 3
        guard decoded[0] & 0b1111_1000 == KeyText.seed, kind == KeyText.user else {
            throw KeyError("is not the seed of a user, which starts with SU")
        }
        bytes = Array(decoded.dropFirst(2))
    }

    /// Says nothing.
    public var description: String { "seed" }

    /// Says nothing.
    public var debugDescription: String { description }

    /// Shows nothing.
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}

/// Why a text is not a key.
public struct KeyError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What it is that the text has wrong, as the rest of a sentence that starts with the key.
    public let description: String

    init(_ description: String) {
        self.description = description
    }
}

/// How NKeys are written: prefix, key and CRC-16 (XMODEM, low byte first) in base 32.
private enum KeyText {
    static let user: UInt8 = 20 << 3
    static let seed: UInt8 = 18 << 3

    static func encode(_ bytes: [UInt8]) -> String {
        let sum = checksum(bytes)
        return TextEncoding.base32.encode(bytes + [UInt8(truncatingIfNeeded: sum), UInt8(truncatingIfNeeded: sum >> 8)])
    }

    static func decode(_ text: some StringProtocol, length: Int) throws(KeyError) -> [UInt8] {
        guard text.utf8.count < 100, let bytes = TextEncoding.base32.decode(text), bytes.count == length + 2 else {
            throw KeyError("is not an NKey")
        }
        let content = Array(bytes.dropLast(2))
        guard UInt16(bytes[length]) | UInt16(bytes[length + 1]) << 8 == checksum(content) else {
            throw KeyError("has a wrong checksum: it was not copied completely or correctly")
        }
        return content
    }

    private static func checksum(_ bytes: [UInt8]) -> UInt16 {
        var sum: UInt16 = 0
        for byte in bytes {
            sum ^= UInt16(byte) << 8
            for _ in 0..<8 { sum = sum & 0x8000 == 0 ? sum << 1 : sum << 1 ^ 0x1021 }
        }
        return sum
    }
}
