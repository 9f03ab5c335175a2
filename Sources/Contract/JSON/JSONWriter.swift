#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

extension JSONText {
    func value<Value: Encodable>(_ value: Value) throws {
        // Foundation has forms of its own for these.
        if Value.self == Date.self, let date = value as? Date { return string(date.formatted(.iso8601)) }
        if Value.self == Data.self, let data = value as? Data { return string(data.base64EncodedString()) }
        if Value.self == URL.self, let url = value as? URL { return string(url.absoluteString) }
        if Value.self == Decimal.self { return giveUp() }
        let place = place
        try value.encode(to: JSONWriter(text: self, place: place))
        end(place)
    }
}

/// Lets a value write itself into a ``JSONText``.
struct JSONWriter: Encoder {
    let text: JSONText
    let place: JSONText.Place

    /// Only errors tell it, and after an error Foundation's encoder has the word.
    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        text.open(place.level, isObject: true)
        return KeyedEncodingContainer(JSONObjectWriter(text: text, level: place.level))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        text.open(place.level, isObject: false)
        return JSONArrayWriter(text: text, level: place.level)
    }

    func singleValueContainer() -> any SingleValueEncodingContainer {
        JSONValueWriter(text: text, start: place.start)
    }
}

private struct JSONObjectWriter<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let text: JSONText
    let level: Int

    var codingPath: [any CodingKey] { [] }

    func encodeNil(forKey key: Key) {
        text.begin(level, key: key.stringValue)
        text.null()
    }

    func encode(_ value: Bool, forKey key: Key) {
        text.begin(level, key: key.stringValue)
        text.bool(value)
    }

    func encode(_ value: String, forKey key: Key) {
        text.begin(level, key: key.stringValue)
        text.string(value)
    }

    func encode(_ value: Double, forKey key: Key) {
        text.begin(level, key: key.stringValue)
        text.number(value)
    }

    func encode(_ value: Int, forKey key: Key) {
        text.begin(level, key: key.stringValue)
        text.number(Int64(value))
    }

    func encode<Value: Encodable>(_ value: Value, forKey key: Key) throws {
        text.begin(level, key: key.stringValue)
        try text.value(value)
    }

    func nestedContainer<NestedKey: CodingKey>(keyedBy: NestedKey.Type, forKey key: Key) -> KeyedEncodingContainer<NestedKey> {
        text.begin(level, key: key.stringValue)
        text.nest(in: level, isObject: true)
        return KeyedEncodingContainer(JSONObjectWriter<NestedKey>(text: text, level: level + 1))
    }

    func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
        text.begin(level, key: key.stringValue)
        text.nest(in: level, isObject: false)
        return JSONArrayWriter(text: text, level: level + 1)
    }

    func superEncoder() -> any Encoder {
        text.giveUp()
        return JSONWriter(text: text, place: text.place)
    }

    func superEncoder(forKey key: Key) -> any Encoder { superEncoder() }
}

private struct JSONArrayWriter: UnkeyedEncodingContainer {
    let text: JSONText
    let level: Int
    private(set) var count = 0

    var codingPath: [any CodingKey] { [] }

    init(text: JSONText, level: Int) {
        self.text = text
        self.level = level
    }

    mutating func encodeNil() {
        begin()
        text.null()
    }

    mutating func encode(_ value: Bool) {
        begin()
        text.bool(value)
    }

    mutating func encode(_ value: String) {
        begin()
        text.string(value)
    }

    mutating func encode(_ value: Double) {
        begin()
        text.number(value)
    }

    mutating func encode(_ value: Int) {
        begin()
        text.number(Int64(value))
    }

    mutating func encode<Value: Encodable>(_ value: Value) throws {
        begin()
        try text.value(value)
    }

    mutating func nestedContainer<NestedKey: CodingKey>(keyedBy: NestedKey.Type) -> KeyedEncodingContainer<NestedKey> {
        begin()
        text.nest(in: level, isObject: true)
        return KeyedEncodingContainer(JSONObjectWriter<NestedKey>(text: text, level: level + 1))
    }

    mutating func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer {
        begin()
        text.nest(in: level, isObject: false)
        return JSONArrayWriter(text: text, level: level + 1)
    }

    mutating func superEncoder() -> any Encoder {
        text.giveUp()
        return JSONWriter(text: text, place: text.place)
    }

    private mutating func begin() {
        text.begin(level)
        count += 1
    }
}

private struct JSONValueWriter: SingleValueEncodingContainer {
    let text: JSONText
    let start: Int

    var codingPath: [any CodingKey] { [] }

    func encodeNil() { write { $0.null() } }
    func encode(_ value: Bool) { write { $0.bool(value) } }
    func encode(_ value: String) { write { $0.string(value) } }
    func encode(_ value: Double) { write { $0.number(value) } }
    func encode(_ value: Float) { write { $0.number(value) } }
    func encode(_ value: Int) { write { $0.number(Int64(value)) } }
    func encode(_ value: Int8) { write { $0.number(Int64(value)) } }
    func encode(_ value: Int16) { write { $0.number(Int64(value)) } }
    func encode(_ value: Int32) { write { $0.number(Int64(value)) } }
    func encode(_ value: Int64) { write { $0.number(value) } }
    func encode(_ value: UInt) { write { $0.number(UInt64(value)) } }
    func encode(_ value: UInt8) { write { $0.number(UInt64(value)) } }
    func encode(_ value: UInt16) { write { $0.number(UInt64(value)) } }
    func encode(_ value: UInt32) { write { $0.number(UInt64(value)) } }
    func encode(_ value: UInt64) { write { $0.number(value) } }
    func encode<Value: Encodable>(_ value: Value) throws { try write { try $0.value(value) } }

    /// Writes the one value there may be.
    private func write(_ body: (JSONText) throws -> Void) rethrows {
        guard text.count == start else { return text.giveUp() }
        try body(text)
    }
}
