/// The values of a JSON text, in the order in which they begin, each knowing where the one after it is.
///
/// Takes what is plain: anything else, malformed or rare, is left to Foundation's decoder, which says what is wrong with it.
final class JSONTape {
    enum Kind {
        case object, array, string, number, yes, no, null
    }

    struct Value {
        let kind: Kind
        /// The bytes, without a string's quotes.
        var range: Range<Int>
        /// The number of the value that follows this one and all within it.
        var next: Int
        /// How many values are in an array, or members in an object.
        var count = 0
    }

    /// What this does not take.
    struct Beyond: Error {}

    private static let deepest = 64

    let bytes: [UInt8]
    private(set) var values: [Value] = []
    /// Whether a value was refused that Foundation's decoder may take. A type that catches errors and tries something else would not
    /// tell, and come to another end than there.
    private(set) var isDoubtful = false
    private var offset = 0

    init(_ bytes: [UInt8]) throws(Beyond) {
        self.bytes = bytes
        values.reserveCapacity(8)
        skipBlanks()
        try value(depth: 0)
        skipBlanks()
        guard offset == bytes.count else { throw Beyond() }
    }

    // MARK: - Reading values

    func beyond() -> Beyond {
        isDoubtful = true
        return Beyond()
    }

    func string(_ value: Value) throws(Beyond) -> String {
        guard value.kind == .string, let text = String(validating: bytes[value.range], as: UTF8.self) else { throw beyond() }
        return text
    }

    func integer<Number: FixedWidthInteger>(_ value: Value) throws(Beyond) -> Number {
        guard value.kind == .number else { throw beyond() }
        var digits = bytes[value.range]
        let isNegative = digits.first == UInt8(ascii: "-")
        if isNegative { digits.removeFirst() }
        var number: Number = 0
        for byte in digits {
            let digit = byte &- UInt8(ascii: "0")
            guard digit <= 9 else { throw beyond() }
            let (tens, isTooLarge) = number.multipliedReportingOverflow(by: 10)
            let (sum, isOver) =
                isNegative
                ? tens.subtractingReportingOverflow(Number(truncatingIfNeeded: digit))
                : tens.addingReportingOverflow(Number(truncatingIfNeeded: digit))
            guard !isTooLarge, !isOver else { throw beyond() }
            number = sum
        }
        return number
    }

    func number<Number: LosslessStringConvertible>(_ value: Value) throws(Beyond) -> Number {
        guard value.kind == .number, let number = Number(String(decoding: bytes[value.range], as: UTF8.self)) else { throw beyond() }
        return number
    }

    func bool(_ value: Value) throws(Beyond) -> Bool {
        switch value.kind {
        case .yes: return true
        case .no: return false
        default: throw beyond()
        }
    }

    /// The first member of the object that has the name.
    func member(_ name: String, of object: Value, at index: Int) -> Int? {
        var name = name
        return name.withUTF8 { name in
            var key = index + 1
            for _ in 0..<object.count {
                let range = values[key].range
                if range.count == name.count, bytes[range].elementsEqual(name) { return key + 1 }
                key = values[key + 1].next
            }
            return nil
        }
    }

    // MARK: - Parsing

    private func value(depth: Int) throws(Beyond) {
        guard offset < bytes.count, depth < Self.deepest else { throw Beyond() }
        switch bytes[offset] {
        case UInt8(ascii: "{"): try object(depth: depth)
        case UInt8(ascii: "["): try array(depth: depth)
        case UInt8(ascii: "\""): try string()
        case UInt8(ascii: "t"): try word("true", .yes)
        case UInt8(ascii: "f"): try word("false", .no)
        case UInt8(ascii: "n"): try word("null", .null)
        default: try number()
        }
    }

    private func object(depth: Int) throws(Beyond) {
        let place = open(.object)
        var count = 0
        while try !closes(with: UInt8(ascii: "}"), after: count) {
            guard offset < bytes.count, bytes[offset] == UInt8(ascii: "\"") else { throw Beyond() }
            try string()
            skipBlanks()
            try take(UInt8(ascii: ":"))
            skipBlanks()
            try value(depth: depth + 1)
            count += 1
        }
        close(place, count: count)
    }

    private func array(depth: Int) throws(Beyond) {
        let place = open(.array)
        var count = 0
        while try !closes(with: UInt8(ascii: "]"), after: count) {
            try value(depth: depth + 1)
            count += 1
        }
        close(place, count: count)
    }

    private func open(_ kind: Kind) -> Int {
        values.append(Value(kind: kind, range: offset..<offset, next: 0))
        offset += 1
        return values.count - 1
    }

    private func close(_ place: Int, count: Int) {
        values[place].range = values[place].range.lowerBound..<offset
        values[place].next = values.count
        values[place].count = count
    }

    /// Whether the container ends here; if not, goes on to its next element.
    private func closes(with end: UInt8, after count: Int) throws(Beyond) -> Bool {
        skipBlanks()
        guard offset < bytes.count else { throw Beyond() }
        if bytes[offset] == end {
            offset += 1
            return true
        }
        if count > 0 {
            try take(UInt8(ascii: ","))
            skipBlanks()
        }
        return false
    }

    /// A string in which nothing is escaped.
    private func string() throws(Beyond) {
        let start = offset + 1
        var end = start
        while end < bytes.count, bytes[end] != UInt8(ascii: "\"") {
            guard bytes[end] >= 0x20, bytes[end] != UInt8(ascii: "\\") else { throw Beyond() }
            end += 1
        }
        guard end < bytes.count else { throw Beyond() }
        append(.string, start..<end)
        offset = end + 1
    }

    private func number() throws(Beyond) {
        let start = offset
        if bytes[offset] == UInt8(ascii: "-") { offset += 1 }
        let first = offset
        digits()
        let length = offset - first
        guard length == 1 || (length > 1 && bytes[first] != UInt8(ascii: "0")) else { throw Beyond() }
        if offset < bytes.count, bytes[offset] == UInt8(ascii: ".") {
            offset += 1
            let fraction = offset
            digits()
            guard offset > fraction else { throw Beyond() }
        }
        append(.number, start..<offset)
    }

    private func digits() {
        while offset < bytes.count, bytes[offset] &- UInt8(ascii: "0") <= 9 { offset += 1 }
    }

    private func word(_ text: StaticString, _ kind: Kind) throws(Beyond) {
        let end = offset + text.utf8CodeUnitCount
        guard end <= bytes.count, text.withUTF8Buffer({ bytes[offset..<end].elementsEqual($0) }) else { throw Beyond() }
        append(kind, offset..<end)
        offset = end
    }

    private func append(_ kind: Kind, _ range: Range<Int>) {
        values.append(Value(kind: kind, range: range, next: values.count + 1))
    }

    private func take(_ byte: UInt8) throws(Beyond) {
        guard offset < bytes.count, bytes[offset] == byte else { throw Beyond() }
        offset += 1
    }

    private func skipBlanks() {
        while offset < bytes.count, bytes[offset] <= 0x20, isBlank(bytes[offset]) { offset += 1 }
    }

    private func isBlank(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09
    }
}
