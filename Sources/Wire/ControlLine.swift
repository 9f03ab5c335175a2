/// The arguments of one control line, split at spaces and tabs in one pass over the bytes.
struct ControlLine {
    /// The line's tokens; `count` tells how many of them there are. A line has at most five.
    var first = 0..<0
    var second = 0..<0
    var third = 0..<0
    var fourth = 0..<0
    var fifth = 0..<0
    var count = 0
    /// Everything after the operation's name, without blanks around it.
    var all = 0..<0
    /// The offset of the first byte after the line.
    var end = 0
    /// Whether single spaces separate the tokens and CRLF ends the line.
    var isCanonical = true

    /// Splits the line whose operation's name ends at `start`; nil if the line is not complete.
    ///
    /// - Throws: `.maximumControlLineExceeded` if the arguments are longer than `limit`, `.parserError` if there are more than
    ///   five or a CR is not followed by LF.
    static func tokens(in bytes: borrowing Span<UInt8>, from start: Int, limit: Int) throws(WireError) -> ControlLine? {
        var line = ControlLine()
        let origin = start + 1
        let bound = Swift.min(bytes.count, origin + limit + 2)
        var index = start
        while index < bound {
            let byte = bytes[index]
            switch byte {
            case 0x20, 0x09:
                // A canonical line has one space before each token, which is consumed here, so a second blank is seen as such.
                index += 1
                if byte == 0x09 || index >= bound || bytes[index] <= 0x20 { line.isCanonical = false }
            case 0x0a:
                guard index - origin <= limit else { throw .maximumControlLineExceeded }
                line.isCanonical = false
                line.end = index + 1
                return line
            case 0x0d:
                guard index + 1 < bytes.count else { return nil }
                guard bytes[index + 1] == 0x0a else { throw .parserError }
                guard index - origin <= limit else { throw .maximumControlLineExceeded }
                line.end = index + 2
                return line
            default:
                let begin = index
                repeat { index += 1 } while index < bound && isTokenByte(bytes[index])
                guard line.add(begin..<index) else { throw .parserError }
            }
        }
        guard bytes.count < origin + limit + 2 else { throw .maximumControlLineExceeded }
        return nil
    }

    /// Takes the line whose operation's name ends at `start` as one text.
    ///
    /// - Throws: `.maximumControlLineExceeded` if the text is longer than `limit`.
    static func text(in bytes: borrowing Span<UInt8>, from start: Int, limit: Int) throws(WireError) -> ControlLine? {
        let origin = start + 1
        let bound = Swift.min(bytes.count, origin + limit + 2)
        var index = start
        while index < bound && bytes[index] != 0x0a { index += 1 }
        guard index < bound else {
            guard bytes.count < origin + limit + 2 else { throw .maximumControlLineExceeded }
            return nil
        }
        var line = ControlLine()
        line.end = index + 1
        var upper = index
        while upper > start, bytes[upper - 1] == 0x0d { upper -= 1 }
        guard upper - origin <= limit else { throw .maximumControlLineExceeded }
        var lower = start
        while lower < upper, bytes[lower].isBlank { lower += 1 }
        while upper > lower, bytes[upper - 1].isBlank { upper -= 1 }
        line.all = lower..<upper
        return line
    }

    /// The token at `index`, counted from 0.
    subscript(index: Int) -> Range<Int> {
        switch index {
        case 0: first
        case 1: second
        case 2: third
        case 3: fourth
        default: fifth
        }
    }

    @inline(__always)
    private static func isTokenByte(_ byte: UInt8) -> Bool {
        byte > 0x20 || (byte != 0x20 && byte != 0x09 && byte != 0x0a && byte != 0x0d)
    }

    @inline(__always)
    private mutating func add(_ token: Range<Int>) -> Bool {
        switch count {
        case 0: first = token
        case 1: second = token
        case 2: third = token
        case 3: fourth = token
        case 4: fifth = token
        default: return false
        }
        count += 1
        return true
    }
}

extension UInt8 {
    /// Whether it is a space or a tab, which part what stands in a line.
    @inline(__always)
    var isBlank: Bool { self == 0x20 || self == 0x09 }
}
