/// JSON while it is being written, front to back.
///
/// Containers are written as they come, so what would have to go back to one that is left already cannot be written. Whoever finds
/// ``isBeyond`` set, or gets an error, has to use Foundation's encoder.
struct JSONText {
    /// One bit for each level.
    private static let deepest = 62

    private(set) var bytes: [UInt8]
    /// Whether something was asked for that this cannot write.
    private(set) var isBeyond = false
    /// How many containers are open.
    private(set) var depth = 0
    private var isObject: UInt64 = 0
    private var hasElements: UInt64 = 0
    private var hasNested: UInt64 = 0

    /// Takes the bytes over, until ``takeBytes()``.
    init(appendingTo bytes: inout [UInt8]) {
        self.bytes = bytes
        bytes = []
    }

    mutating func takeBytes() -> [UInt8] {
        defer { bytes = [] }
        return bytes
    }

    mutating func giveUp() {
        isBeyond = true
    }

    // MARK: - Containers

    /// Where a value begins.
    struct Place {
        /// The level of the container that the value may open.
        let level: Int
        let start: Int
    }

    var place: Place { Place(level: depth + 1, start: bytes.count) }

    /// The value that began there is complete.
    mutating func end(_ place: Place) {
        close(to: place.level - 1)
        // Whoever writes nothing is an empty object, as for Foundation.
        if bytes.count == place.start { bytes.append(contentsOf: [UInt8(ascii: "{"), UInt8(ascii: "}")]) }
    }

    /// Opens the container at `level`, or goes on with it if it is open.
    mutating func open(_ level: Int, isObject wanted: Bool) {
        if level <= depth { return wanted == (isObject >> level & 1 == 1) ? () : giveUp() }
        guard level == depth + 1, level <= Self.deepest else { return giveUp() }
        depth = level
        let bit: UInt64 = 1 << level
        if wanted { isObject |= bit } else { isObject &= ~bit }
        hasElements &= ~bit
        hasNested &= ~bit
        bytes.append(wanted ? UInt8(ascii: "{") : UInt8(ascii: "["))
    }

    /// Closes containers until `level` are open.
    mutating func close(to level: Int) {
        while depth > level {
            bytes.append(isObject >> depth & 1 == 1 ? UInt8(ascii: "}") : UInt8(ascii: "]"))
            depth -= 1
        }
    }

    /// Begins the next element of the container at `level`.
    mutating func begin(_ level: Int) {
        let bit: UInt64 = 1 << level
        guard level <= depth, hasNested & bit == 0 else { return giveUp() }
        close(to: level)
        if hasElements & bit != 0 { bytes.append(UInt8(ascii: ",")) }
        hasElements |= bit
    }

    /// Begins the next member of the object at `level`.
    mutating func begin(_ level: Int, key: String) {
        begin(level)
        string(key)
        bytes.append(UInt8(ascii: ":"))
    }

    /// Writes the next member of the object at `level`.
    @inline(__always)
    mutating func member(_ level: Int, _ key: String, _ value: (inout JSONText) -> Void) {
        begin(level, key: key)
        value(&self)
    }

    /// Opens a container in the one at `level`, which must be the last that is written there.
    mutating func nest(in level: Int, isObject: Bool) {
        open(level + 1, isObject: isObject)
        if level <= Self.deepest { hasNested |= 1 << level }
    }

    // MARK: - Values

    mutating func null() {
        bytes.append(contentsOf: [0x6e, 0x75, 0x6c, 0x6c])
    }

    mutating func bool(_ value: Bool) {
        bytes.append(contentsOf: value ? [0x74, 0x72, 0x75, 0x65] : [0x66, 0x61, 0x6c, 0x73, 0x65])
    }

    mutating func number(_ value: some FixedWidthInteger) {
        guard value < 0 || value > 9 else { return bytes.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: value)) }
        ascii(String(value))
    }

    mutating func number(_ value: some BinaryFloatingPoint & LosslessStringConvertible) {
        guard value.isFinite else { return giveUp() }
        ascii(value.description)
        if bytes.suffix(2).elementsEqual([UInt8(ascii: "."), UInt8(ascii: "0")]) { bytes.removeLast(2) }
    }

    mutating func string(_ value: String) {
        bytes.append(UInt8(ascii: "\""))
        var value = value
        value.withUTF8 { text in
            if Self.isPlain(UnsafeRawBufferPointer(text)) { return bytes.append(contentsOf: text) }
            for byte in text {
                if Self.mustEscape(byte) { escape(byte) } else { bytes.append(byte) }
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    /// Whether nothing has to be escaped. Looks at eight bytes at a time: x - 0x20 and x ^ 0x22 - 1 borrow into the high bit where a
    /// byte is what is looked for, or where one before it is. By pointer, since measured; every load ends at `count` or before.
    private static func isPlain(_ text: UnsafeRawBufferPointer) -> Bool {
        let (low, high) = (UInt64(0x0101_0101_0101_0101), UInt64(0x8080_8080_8080_8080))
        var offset = 0
        while offset + 8 <= text.count {
            let eight = text.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            let (quotes, slashes) = (eight ^ low &* 0x22, eight ^ low &* 0x5c)
            let control = (eight &- low &* 0x20) & ~eight
            guard (control | (quotes &- low) & ~quotes | (slashes &- low) & ~slashes) & high == 0 else { return false }
            offset += 8
        }
        while offset < text.count {
            if mustEscape(text[offset]) { return false }
            offset += 1
        }
        return true
    }

    private mutating func ascii(_ text: String) {
        bytes.append(contentsOf: text.utf8)
    }

    @inline(__always)
    private static func mustEscape(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
    }

    private mutating func escape(_ byte: UInt8) {
        bytes.append(UInt8(ascii: "\\"))
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes.append(byte)
        case 0x08: bytes.append(UInt8(ascii: "b"))
        case 0x09: bytes.append(UInt8(ascii: "t"))
        case 0x0a: bytes.append(UInt8(ascii: "n"))
        case 0x0c: bytes.append(UInt8(ascii: "f"))
        case 0x0d: bytes.append(UInt8(ascii: "r"))
        default:
            let digits = Array("0123456789abcdef".utf8)
            bytes.append(contentsOf: [0x75, 0x30, 0x30, digits[Int(byte >> 4)], digits[Int(byte & 15)]])
        }
    }
}
