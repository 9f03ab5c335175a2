/// A JSON value as INFO and CONNECT hold it, read by a small scanner of our own, since this module does not depend on Foundation.
enum JSON: Hashable {
    case null
    case bool(Bool)
    /// A number; nil if it is not an integer that fits.
    case number(Int?)
    case string(String)
    case array([JSON])
    case object([String: JSON])

    /// Deepest nesting of arrays and objects that is read.
    static let maximumDepth = 16

    /// Reads one JSON object, and nothing besides it but white space. Of a repeated key the last value counts, as in Go.
    ///
    /// - Throws: `.parserError` if it is not an object or is malformed.
    static func object(parsing bytes: some Collection<UInt8>) throws(WireError) -> [String: JSON] {
        var scanner = JSONScanner(bytes: Array(bytes))
        let value = try scanner.value(depth: 0)
        scanner.skipBlanks()
        guard scanner.isAtEnd, case .object(let members) = value else { throw .parserError }
        return members
    }
}

/// The members of a JSON object by type. A missing or null member is nil; one of another type is an error, as in nats-server.
struct JSONMembers {
    let members: [String: JSON]

    func string(_ key: String) throws(WireError) -> String? {
        switch members[key] {
        case nil, .null: nil
        case .string(let value): value
        default: throw .parserError
        }
    }

    func bool(_ key: String) throws(WireError) -> Bool? {
        switch members[key] {
        case nil, .null: nil
        case .bool(let value): value
        default: throw .parserError
        }
    }

    func int(_ key: String) throws(WireError) -> Int? {
        switch members[key] {
        case nil, .null: nil
        case .number(let value?): value
        default: throw .parserError
        }
    }

    func strings(_ key: String) throws(WireError) -> [String]? {
        switch members[key] {
        case nil, .null: return nil
        case .array(let values):
            var strings: [String] = []
            for value in values {
                guard case .string(let string) = value else { throw .parserError }
                strings.append(string)
            }
            return strings
        default: throw .parserError
        }
    }
}

/// Writes a JSON object. Members that are nil or empty are left out.
package struct JSONWriter {
    private var bytes: [UInt8] = [UInt8(ascii: "{")]

    /// An object without members.
    package init() {}

    /// Adds a text.
    package mutating func add(_ key: String, _ value: String?) {
        guard let value, !value.isEmpty else { return }
        add(always: key, value)
    }

    /// Adds a text that is not left out when empty.
    package mutating func add(always key: String, _ value: String) {
        self.key(key)
        string(value)
    }

    /// Adds an object that is not left out when empty.
    package mutating func add(_ key: String, _ value: JSONWriter) {
        self.key(key)
        bytes.append(contentsOf: value.finished())
    }

    /// Adds a truth.
    package mutating func add(_ key: String, _ value: Bool) {
        self.key(key)
        bytes.append(contentsOf: (value ? "true" : "false").utf8)
    }

    /// Adds a member that is left out when false.
    mutating func add(ifTrue key: String, _ value: Bool) {
        if value { add(key, true) }
    }

    /// Adds a number.
    package mutating func add(_ key: String, _ value: Int?) {
        guard let value else { return }
        self.key(key)
        bytes.append(contentsOf: String(value).utf8)
    }

    /// Adds texts.
    package mutating func add(_ key: String, _ values: [String]) {
        guard !values.isEmpty else { return }
        self.key(key)
        bytes.append(UInt8(ascii: "["))
        for (index, value) in values.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            string(value)
        }
        bytes.append(UInt8(ascii: "]"))
    }

    /// The object's JSON.
    package func finished() -> [UInt8] { bytes + [UInt8(ascii: "}")] }

    private mutating func key(_ key: String) {
        if bytes.count > 1 { bytes.append(UInt8(ascii: ",")) }
        string(key)
        bytes.append(UInt8(ascii: ":"))
    }

    private mutating func string(_ text: String) {
        let hex = Array("0123456789abcdef".utf8)
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes.append(contentsOf: [UInt8(ascii: "\\"), byte])
            case 0..<0x20: bytes.append(contentsOf: Array("\\u00".utf8) + [hex[Int(byte >> 4)], hex[Int(byte & 0xf)]])
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }
}
