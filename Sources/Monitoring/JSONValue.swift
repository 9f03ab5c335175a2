/// JSON whose members keep their order, written like nats-server does it: two spaces of indentation.
///
/// Foundation's encoder neither keeps an order nor is quick enough for thousands of connections.
enum JSONValue {
    case bool(Bool)
    case int(Int)
    case double(Double)
    case string(String)
    case array([JSONValue])
    case object([(key: String, value: JSONValue)])

    /// The members that are not nil.
    init(_ members: KeyValuePairs<String, JSONValue?>) {
        self = .object(members.compactMap { key, value in value.map { (key, $0) } })
    }

    /// UTF-8.
    func encoded() -> [UInt8] {
        var bytes: [UInt8] = []
        write(to: &bytes, depth: 0)
        return bytes
    }

    private func write(to bytes: inout [UInt8], depth: Int) {
        switch self {
        case .bool(let value): bytes += (value ? "true" : "false").utf8
        case .int(let value): bytes += String(value).utf8
        case .double(let value): bytes += (value.isFinite ? "\(value)" : "0").utf8
        case .string(let value): Self.write(value, to: &bytes)
        case .array(let values):
            Self.write(values, "[", "]", to: &bytes, depth: depth) { value, bytes in value.write(to: &bytes, depth: depth + 1) }
        case .object(let members):
            Self.write(members, "{", "}", to: &bytes, depth: depth) { member, bytes in
                Self.write(member.key, to: &bytes)
                bytes += ": ".utf8
                member.value.write(to: &bytes, depth: depth + 1)
            }
        }
    }

    private static func write<Element>(
        _ elements: [Element], _ open: String, _ close: String, to bytes: inout [UInt8], depth: Int,
        _ write: (Element, inout [UInt8]) -> Void
    ) {
        bytes += open.utf8
        for (number, element) in elements.enumerated() {
            bytes += (number == 0 ? "\n" : ",\n").utf8
            bytes += repeatElement(0x20, count: 2 * (depth + 1))
            write(element, &bytes)
        }
        if !elements.isEmpty {
            bytes.append(0x0a)
            bytes += repeatElement(0x20, count: 2 * depth)
        }
        bytes += close.utf8
    }

    private static func write(_ text: String, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), byte]
            // What could end a script in a page, as Go has it, and what JSON forbids.
            case ..<0x20, UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "&"), 0x7f:
                let digits = Array("0123456789abcdef".utf8)
                bytes += "\\u00".utf8
                bytes += [digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByStringInterpolation {
    init(stringLiteral value: String) { self = .string(value) }
}
