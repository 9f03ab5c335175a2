/// Prometheus's text format, version 0.0.4.
enum PrometheusText {
    static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    /// Writes families in the order of their names. Of those with one name the first counts, so that each name has one type.
    static func encode(_ families: [MetricFamily]) -> String {
        var byName: [String: MetricFamily] = [:]
        for family in families where !family.samples.isEmpty {
            let name = sanitised(family.name, colons: true)
            if byName[name] == nil { byName[name] = family }
        }
        var text = ""
        for (name, family) in byName.sorted(by: { $0.key < $1.key }) {
            if !family.help.isEmpty { text += "# HELP \(name) \(escaped(family.help, quotes: false))\n" }
            text += "# TYPE \(name) \(family.kind.rawValue)\n"
            for sample in family.samples {
                text += "\(name)\(sample.suffix)\(labels(sample.labels)) \(number(sample.value))\n"
            }
        }
        return text
    }

    /// A name in which everything that may not be there is `_`.
    static func sanitised(_ name: String, colons: Bool) -> String {
        var bytes = name.utf8.map { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): byte
            case UInt8(ascii: ":") where colons: byte
            default: UInt8(ascii: "_")
            }
        }
        if bytes.first.map({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) ?? true { bytes.insert(UInt8(ascii: "_"), at: 0) }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func labels(_ labels: [MetricFamily.Label]) -> String {
        if labels.isEmpty { return "" }
        return "{" + labels.map { "\(sanitised($0.name, colons: false))=\"\(escaped($0.value, quotes: true))\"" }.joined(separator: ",")
            + "}"
    }

    private static func escaped(_ text: String, quotes: Bool) -> String {
        var escaped = ""
        for character in text.unicodeScalars {
            switch character {
            case "\\": escaped += "\\\\"
            case "\n": escaped += "\\n"
            case "\"" where quotes: escaped += "\\\""
            default: escaped.unicodeScalars.append(character)
            }
        }
        return escaped
    }

    private static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        return Int64(exactly: value).map { String($0) } ?? "\(value)"
    }
}
