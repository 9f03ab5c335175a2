/// A length of time as nats-server reads it: seconds, or numbers with units such as `500ms`, `1.5s` or `1h30m`.
struct TimeSpan: Decodable, Sendable, Hashable {
    private static let longest = 1e9

    let duration: Duration

    /// nil if it is none, or longer than thirty years.
    init?(_ text: some StringProtocol) {
        guard let seconds = Self.decimal(text) ?? Self.sum(text), seconds <= Self.longest else { return nil }
        duration = .nanoseconds(Int64((seconds * 1e9).rounded()))
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let span = TimeSpan(try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "not a length of time")
        }
        self = span
    }

    private static func sum(_ text: some StringProtocol) -> Double? {
        var total = 0.0
        var rest = text[...]
        while !rest.isEmpty {
            let number = rest.prefix { $0.isNumber || $0 == "." }
            rest = rest.dropFirst(number.count)
            let unit = rest.prefix { $0.isLetter }
            rest = rest.dropFirst(unit.count)
            guard let number = decimal(number), let seconds = seconds(in: unit) else { return nil }
            total += number * seconds
        }
        return text.isEmpty ? nil : total
    }

    private static func decimal(_ text: some StringProtocol) -> Double? {
        guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) || $0 == 0x2e }) else { return nil }
        return Double(text)
    }

    private static func seconds(in unit: some StringProtocol) -> Double? {
        switch unit {
        case "ns": 1e-9
        case "us", "µs", "μs": 1e-6
        case "ms": 1e-3
        case "s": 1
        case "m": 60
        case "h": 3600
        default: nil
        }
    }
}
