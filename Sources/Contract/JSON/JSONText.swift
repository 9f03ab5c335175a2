/// JSON while it is being written, front to back.
///
/// Containers are written as they come, so what would have to go back to one that is left already cannot be written. Whoever finds
/// ``isBeyond`` set, or gets an error, has to use Foundation's encoder.
///
/// A class, to which a value and all its parts write. The bytes are in memory of its own, since measured: in an array they cost three times
/// as much. Of the `room` bytes at `memory` the first `count` are written; ``reserve(_:)`` comes before each that is added, and nobody else
/// gets the pointer.
final class JSONText {
    /// One bit for each level.
    private static let deepest = 62
    /// Enough for most messages and events.
    private static let firstRoom = 256

    private var memory = UnsafeMutablePointer<UInt8>.allocate(capacity: JSONText.firstRoom)
    private var room = JSONText.firstRoom
    /// How many bytes are written.
    private(set) var count = 0
    /// Whether something was asked for that this cannot write.
    private(set) var isBeyond = false
    /// How many containers are open.
    private var depth = 0
    private var isObject: UInt64 = 0
    private var hasElements: UInt64 = 0
    private var hasNested: UInt64 = 0

    deinit { memory.deallocate() }

    /// What is written.
    var bytes: [UInt8] { withExtendedLifetime(self) { Array(UnsafeBufferPointer(start: memory, count: count)) } }

    /// Appends what is written.
    func append(to bytes: inout [UInt8]) {
        withExtendedLifetime(self) { bytes.append(contentsOf: UnsafeBufferPointer(start: memory, count: count)) }
    }

    func giveUp() {
        isBeyond = true
    }

    // MARK: - Containers

    /// Where a value begins.
    struct Place {
        /// The level of the container that the value may open.
        let level: Int
        let start: Int
    }

    var place: Place { Place(level: depth + 1, start: count) }

    /// The value that began there is complete.
    func end(_ place: Place) {
        close(to: place.level - 1)
        // Whoever writes nothing is an empty object, as for Foundation.
        guard count == place.start else { return }
        put(UInt8(ascii: "{"))
        put(UInt8(ascii: "}"))
    }

    /// Opens the container at `level`, or goes on with it if it is open.
    func open(_ level: Int, isObject wanted: Bool) {
        if level <= depth { return wanted == (isObject >> level & 1 == 1) ? () : giveUp() }
        guard level == depth + 1, level <= Self.deepest else { return giveUp() }
        depth = level
        let bit: UInt64 = 1 << level
        if wanted { isObject |= bit } else { isObject &= ~bit }
        hasElements &= ~bit
        hasNested &= ~bit
        put(wanted ? UInt8(ascii: "{") : UInt8(ascii: "["))
    }

    /// Closes containers until `level` are open.
    private func close(to level: Int) {
        while depth > level {
            put(isObject >> depth & 1 == 1 ? UInt8(ascii: "}") : UInt8(ascii: "]"))
            depth -= 1
        }
    }

    /// Begins the next element of the container at `level`.
    func begin(_ level: Int) {
        let bit: UInt64 = 1 << level
        guard level <= depth, hasNested & bit == 0 else { return giveUp() }
        close(to: level)
        if hasElements & bit != 0 { put(UInt8(ascii: ",")) }
        hasElements |= bit
    }

    /// Begins the next member of the object at `level`.
    func begin(_ level: Int, key: String) {
        begin(level)
        string(key)
        put(UInt8(ascii: ":"))
    }

    /// Opens a container in the one at `level`, which must be the last that is written there.
    func nest(in level: Int, isObject: Bool) {
        open(level + 1, isObject: isObject)
        if level <= Self.deepest { hasNested |= 1 << level }
    }

    // MARK: - Values

    func null() { word("null") }

    func bool(_ value: Bool) { word(value ? "true" : "false") }

    func number(_ value: Int64) {
        if value < 0 { put(UInt8(ascii: "-")) }
        number(value.magnitude)
    }

    func number(_ value: UInt64) {
        reserve(20)
        let start = count
        var rest = value
        repeat {
            memory[count] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
            count += 1
            rest /= 10
        } while rest > 0
        var digits = UnsafeMutableBufferPointer(start: memory + start, count: count - start)
        digits.reverse()
    }

    func number(_ value: some BinaryFloatingPoint & LosslessStringConvertible) {
        guard value.isFinite else { return giveUp() }
        var text = value.description
        if text.hasSuffix(".0") { text.removeLast(2) }
        text.withUTF8 { put($0) }
    }

    func string(_ value: String) {
        put(UInt8(ascii: "\""))
        if value.utf8.withContiguousStorageIfAvailable({ escaping($0) }) == nil {
            var copy = value
            copy.withUTF8 { escaping($0) }
        }
        put(UInt8(ascii: "\""))
    }

    private func escaping(_ text: UnsafeBufferPointer<UInt8>) {
        reserve(text.count)
        let (from, to) = (UnsafeRawBufferPointer(text), UnsafeMutableRawPointer(memory + count))
        // What need not be escaped, eight bytes at a time as far as that goes; every load ends at the text's end or before.
        var offset = 0
        while offset + 8 <= from.count {
            let eight = from.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            if Self.mustEscape(oneOf: eight) { break }
            to.storeBytes(of: eight, toByteOffset: offset, as: UInt64.self)
            offset += 8
        }
        while offset < from.count, !Self.mustEscape(from[offset]) {
            to.storeBytes(of: from[offset], toByteOffset: offset, as: UInt8.self)
            offset += 1
        }
        count += offset
        for byte in text[offset...] {
            if Self.mustEscape(byte) { escape(byte) } else { put(byte) }
        }
    }

    /// Whether one of eight bytes must be escaped: x - 0x20 and x ^ 0x22 - 1 borrow into the high bit where a byte is what is looked for. A borrow
    /// may also mark a byte after one that is, which changes nothing.
    @inline(__always)
    private static func mustEscape(oneOf eight: UInt64) -> Bool {
        let (low, high) = (UInt64(0x0101_0101_0101_0101), UInt64(0x8080_8080_8080_8080))
        let (quotes, slashes) = (eight ^ low &* 0x22, eight ^ low &* 0x5c)
        let control = (eight &- low &* 0x20) & ~eight
        return (control | (quotes &- low) & ~quotes | (slashes &- low) & ~slashes) & high != 0
    }

    @inline(__always)
    private static func mustEscape(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
    }

    private func escape(_ byte: UInt8) {
        put(UInt8(ascii: "\\"))
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): put(byte)
        case 0x08: put(UInt8(ascii: "b"))
        case 0x09: put(UInt8(ascii: "t"))
        case 0x0a: put(UInt8(ascii: "n"))
        case 0x0c: put(UInt8(ascii: "f"))
        case 0x0d: put(UInt8(ascii: "r"))
        default:
            word("u00")
            for digit in [byte >> 4, byte & 15] { put(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") - 10 + digit) }
        }
    }

    // MARK: - Bytes

    private func word(_ word: StaticString) {
        word.withUTF8Buffer { put($0) }
    }

    @inline(__always)
    private func put(_ byte: UInt8) {
        reserve(1)
        memory[count] = byte
        count += 1
    }

    private func put(_ text: UnsafeBufferPointer<UInt8>) {
        guard let start = text.baseAddress else { return }
        reserve(text.count)
        (memory + count).initialize(from: start, count: text.count)
        count += text.count
    }

    @inline(__always)
    private func reserve(_ more: Int) {
        if room - count < more { grow(by: more) }
    }

    private func grow(by more: Int) {
        room = max(2 * room, count + more)
        let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: room)
        larger.moveInitialize(from: memory, count: count)
        memory.deallocate()
        memory = larger
    }
}
