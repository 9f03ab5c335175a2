#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Lets a value read itself from a ``JSONTape``. Every error means that Foundation's decoder has to look: it knows more, and says what is
/// wrong and where.
struct JSONReader: Decoder {
    let tape: JSONTape
    /// The number of the value in the tape.
    let index: Int

    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    private var value: JSONTape.Value { tape.values[index] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        guard value.kind == .object else { throw tape.beyond() }
        return KeyedDecodingContainer(JSONObjectReader(tape: tape, index: index))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        guard value.kind == .array else { throw tape.beyond() }
        return JSONArrayReader(tape: tape, index: index)
    }

    func singleValueContainer() -> any SingleValueDecodingContainer { JSONValueReader(tape: tape, index: index) }
}

extension JSONTape {
    func decode<Value: Decodable>(_ type: Value.Type, at index: Int) throws -> Value {
        // Foundation has forms of its own for these.
        guard type != Date.self, type != Data.self, type != URL.self, type != Decimal.self else { throw beyond() }
        return try Value(from: JSONReader(tape: self, index: index))
    }
}

private struct JSONObjectReader<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let tape: JSONTape
    let index: Int

    var codingPath: [any CodingKey] { [] }

    var allKeys: [Key] {
        var keys: [Key] = []
        var place = index + 1
        for _ in 0..<tape.values[index].count {
            if let name = try? tape.string(tape.values[place]), let key = Key(stringValue: name) { keys.append(key) }
            place = tape.values[place + 1].next
        }
        return keys
    }

    func contains(_ key: Key) -> Bool { find(key) != nil }

    func decodeNil(forKey key: Key) throws -> Bool { try place(key).value.kind == .null }
    func decode(_ type: Bool.Type, forKey key: Key) throws -> Bool { try tape.bool(place(key).value) }
    func decode(_ type: String.Type, forKey key: Key) throws -> String { try tape.string(place(key).value) }
    func decode(_ type: Double.Type, forKey key: Key) throws -> Double { try tape.number(place(key).value) }
    func decode(_ type: Int.Type, forKey key: Key) throws -> Int { try tape.integer(place(key).value) }
    func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
        try tape.decode(type, at: place(key).index)
    }

    func nestedContainer<NestedKey: CodingKey>(
        keyedBy type: NestedKey.Type, forKey key: Key
    ) throws -> KeyedDecodingContainer<NestedKey> {
        try JSONReader(tape: tape, index: place(key).index).container(keyedBy: type)
    }

    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
        try JSONReader(tape: tape, index: place(key).index).unkeyedContainer()
    }

    func superDecoder() throws -> any Decoder { throw tape.beyond() }
    func superDecoder(forKey key: Key) throws -> any Decoder { throw tape.beyond() }

    private func find(_ key: Key) -> Int? { tape.member(key.stringValue, of: tape.values[index], at: index) }

    private func place(_ key: Key) throws -> (index: Int, value: JSONTape.Value) {
        guard let index = find(key) else { throw tape.beyond() }
        return (index, tape.values[index])
    }
}

private struct JSONArrayReader: UnkeyedDecodingContainer {
    let tape: JSONTape
    private let total: Int
    private var place: Int
    private(set) var currentIndex = 0

    init(tape: JSONTape, index: Int) {
        self.tape = tape
        total = tape.values[index].count
        place = index + 1
    }

    var codingPath: [any CodingKey] { [] }
    var count: Int? { total }
    var isAtEnd: Bool { currentIndex >= total }

    mutating func decodeNil() throws -> Bool {
        guard !isAtEnd else { throw tape.beyond() }
        guard tape.values[place].kind == .null else { return false }
        _ = try next()
        return true
    }

    mutating func decode<Value: Decodable>(_ type: Value.Type) throws -> Value { try tape.decode(type, at: next()) }

    mutating func nestedContainer<NestedKey: CodingKey>(keyedBy type: NestedKey.Type) throws -> KeyedDecodingContainer<NestedKey> {
        try JSONReader(tape: tape, index: next()).container(keyedBy: type)
    }

    mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
        try JSONReader(tape: tape, index: next()).unkeyedContainer()
    }

    mutating func superDecoder() throws -> any Decoder { throw tape.beyond() }

    private mutating func next() throws -> Int {
        guard !isAtEnd else { throw tape.beyond() }
        defer {
            place = tape.values[place].next
            currentIndex += 1
        }
        return place
    }
}

private struct JSONValueReader: SingleValueDecodingContainer {
    let tape: JSONTape
    let index: Int

    var codingPath: [any CodingKey] { [] }

    private var value: JSONTape.Value { tape.values[index] }

    func decodeNil() -> Bool { value.kind == .null }
    func decode(_ type: Bool.Type) throws -> Bool { try tape.bool(value) }
    func decode(_ type: String.Type) throws -> String { try tape.string(value) }
    func decode(_ type: Double.Type) throws -> Double { try tape.number(value) }
    func decode(_ type: Float.Type) throws -> Float { try tape.number(value) }
    func decode(_ type: Int.Type) throws -> Int { try tape.integer(value) }
    func decode(_ type: Int8.Type) throws -> Int8 { try tape.integer(value) }
    func decode(_ type: Int16.Type) throws -> Int16 { try tape.integer(value) }
    func decode(_ type: Int32.Type) throws -> Int32 { try tape.integer(value) }
    func decode(_ type: Int64.Type) throws -> Int64 { try tape.integer(value) }
    func decode(_ type: UInt.Type) throws -> UInt { try tape.integer(value) }
    func decode(_ type: UInt8.Type) throws -> UInt8 { try tape.integer(value) }
    func decode(_ type: UInt16.Type) throws -> UInt16 { try tape.integer(value) }
    func decode(_ type: UInt32.Type) throws -> UInt32 { try tape.integer(value) }
    func decode(_ type: UInt64.Type) throws -> UInt64 { try tape.integer(value) }
    func decode<Value: Decodable>(_ type: Value.Type) throws -> Value { try tape.decode(type, at: index) }
}
