/// Lets a value write itself into a ``JSONOutput``.
struct JSONWriter: Encoder {
    let output: JSONOutput
    let place: JSONText.Place

    /// Only errors tell it, and after an error Foundation's encoder has the word.
    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        output.text.open(place.level, isObject: true)
        return KeyedEncodingContainer(JSONObjectWriter(output: output, level: place.level))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        output.text.open(place.level, isObject: false)
        return JSONArrayWriter(output: output, level: place.level)
    }

    func singleValueContainer() -> any SingleValueEncodingContainer {
        JSONValueWriter(output: output, start: place.start)
    }
}

private struct JSONObjectWriter<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let output: JSONOutput
    let level: Int

    var codingPath: [any CodingKey] { [] }

    func encodeNil(forKey key: Key) {
        output.text.member(level, key.stringValue) { $0.null() }
    }

    func encode(_ value: Bool, forKey key: Key) {
        output.text.member(level, key.stringValue) { $0.bool(value) }
    }

    func encode(_ value: String, forKey key: Key) {
        output.text.member(level, key.stringValue) { $0.string(value) }
    }

    func encode(_ value: Double, forKey key: Key) {
        output.text.member(level, key.stringValue) { $0.number(value) }
    }

    func encode(_ value: Int, forKey key: Key) {
        output.text.member(level, key.stringValue) { $0.number(value) }
    }

    func encode<Value: Encodable>(_ value: Value, forKey key: Key) throws {
        output.text.begin(level, key: key.stringValue)
        try output.value(value)
    }

    func nestedContainer<NestedKey: CodingKey>(keyedBy: NestedKey.Type, forKey key: Key) -> KeyedEncodingContainer<NestedKey> {
        output.text.begin(level, key: key.stringValue)
        output.text.nest(in: level, isObject: true)
        return KeyedEncodingContainer(JSONObjectWriter<NestedKey>(output: output, level: level + 1))
    }

    func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
        output.text.begin(level, key: key.stringValue)
        output.text.nest(in: level, isObject: false)
        return JSONArrayWriter(output: output, level: level + 1)
    }

    func superEncoder() -> any Encoder {
        output.text.giveUp()
        return JSONWriter(output: output, place: output.text.place)
    }

    func superEncoder(forKey key: Key) -> any Encoder { superEncoder() }
}

private struct JSONArrayWriter: UnkeyedEncodingContainer {
    let output: JSONOutput
    let level: Int
    private(set) var count = 0

    var codingPath: [any CodingKey] { [] }

    init(output: JSONOutput, level: Int) {
        self.output = output
        self.level = level
    }

    mutating func encodeNil() {
        begin()
        output.text.null()
    }

    mutating func encode(_ value: Bool) {
        begin()
        output.text.bool(value)
    }

    mutating func encode(_ value: String) {
        begin()
        output.text.string(value)
    }

    mutating func encode(_ value: Double) {
        begin()
        output.text.number(value)
    }

    mutating func encode(_ value: Int) {
        begin()
        output.text.number(value)
    }

    mutating func encode<Value: Encodable>(_ value: Value) throws {
        begin()
        try output.value(value)
    }

    mutating func nestedContainer<NestedKey: CodingKey>(keyedBy: NestedKey.Type) -> KeyedEncodingContainer<NestedKey> {
        begin()
        output.text.nest(in: level, isObject: true)
        return KeyedEncodingContainer(JSONObjectWriter<NestedKey>(output: output, level: level + 1))
    }

    mutating func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer {
        begin()
        output.text.nest(in: level, isObject: false)
        return JSONArrayWriter(output: output, level: level + 1)
    }

    mutating func superEncoder() -> any Encoder {
        output.text.giveUp()
        return JSONWriter(output: output, place: output.text.place)
    }

    private mutating func begin() {
        output.text.begin(level)
        count += 1
    }
}

private struct JSONValueWriter: SingleValueEncodingContainer {
    let output: JSONOutput
    let start: Int

    var codingPath: [any CodingKey] { [] }

    func encodeNil() { write { $0.text.null() } }
    func encode(_ value: Bool) { write { $0.text.bool(value) } }
    func encode(_ value: String) { write { $0.text.string(value) } }
    func encode(_ value: Double) { write { $0.text.number(value) } }
    func encode(_ value: Float) { write { $0.text.number(value) } }
    func encode(_ value: Int) { write { $0.text.number(value) } }
    func encode(_ value: Int8) { write { $0.text.number(value) } }
    func encode(_ value: Int16) { write { $0.text.number(value) } }
    func encode(_ value: Int32) { write { $0.text.number(value) } }
    func encode(_ value: Int64) { write { $0.text.number(value) } }
    func encode(_ value: UInt) { write { $0.text.number(value) } }
    func encode(_ value: UInt8) { write { $0.text.number(value) } }
    func encode(_ value: UInt16) { write { $0.text.number(value) } }
    func encode(_ value: UInt32) { write { $0.text.number(value) } }
    func encode(_ value: UInt64) { write { $0.text.number(value) } }
    func encode<Value: Encodable>(_ value: Value) throws { try write { try $0.value(value) } }

    /// Writes the one value there may be.
    private func write(_ body: (JSONOutput) throws -> Void) rethrows {
        guard output.text.bytes.count == start else { return output.text.giveUp() }
        try body(output)
    }
}
