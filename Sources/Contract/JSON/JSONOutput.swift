#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Where a value and its parts write themselves to.
final class JSONOutput {
    /// Each use is one exclusive access; those are what this costs.
    var text: JSONText

    init(_ text: JSONText) {
        self.text = text
    }

    func value<Value: Encodable>(_ value: Value) throws {
        if Value.self == Date.self, let date = value as? Date { return text.string(date.formatted(.iso8601)) }
        if Value.self == Data.self, let data = value as? Data { return text.string(data.base64EncodedString()) }
        if Value.self == URL.self, let url = value as? URL { return text.string(url.absoluteString) }
        if Value.self == Decimal.self { return text.giveUp() }
        let place = text.place
        try value.encode(to: JSONWriter(output: self, place: place))
        text.end(place)
    }
}
