import Foundation
import RivuletContract
import Testing

/// What is written fast is what Foundation's encoder writes.
struct JSONPayloadTests {
    private struct Plain: Codable, Hashable {
        var number = -42
        var small: UInt8 = 7
        var ratio = 1.5
        var single: Float = 0.25
        var isOpen = true
        var text = "quote \" backslash \\ slash / line\n tab\t bell\u{7} é 🂡"
        var absent: String?
        var list = [1, 2, 3]
        var names: [String: [Bool]] = ["a": [true], "b": []]
        var byNumber = [1: "one"]
        var when = Date(timeIntervalSince1970: 1_700_000_000)
        var data = Data([0, 1, 255])
        var place = URL(string: "https://example.org/a?b=c")
        var inner = Inner()
        var choice = Choice.pair(1, name: "x")
        var choices = [Choice.none, .pair(2, name: "y")]
        var optionals: [Int?] = [nil, 3]
    }
    private struct Inner: Codable, Hashable { var values: [Inner] = [] }
    private enum Choice: Codable, Hashable {
        case none
        case pair(Int, name: String)
    }
    private class Animal: Codable {
        var legs = 4
        init() {}
    }
    private final class Dog: Animal {
        var name = "rex"
        private enum CodingKeys: CodingKey { case name }
        override init() { super.init() }
        required init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            name = try container.decode(String.self, forKey: .name)
            try super.init(from: container.superDecoder())
        }
        override func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(name, forKey: .name)
            try super.encode(to: container.superEncoder())
        }
    }
    private struct Interleaved: Encodable {
        private enum CodingKeys: CodingKey { case first, second, third }
        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            var nested = container.nestedContainer(keyedBy: CodingKeys.self, forKey: .first)
            try container.encode(2, forKey: .second)
            try nested.encode(3, forKey: .third)
        }
    }
    private struct Silent: Codable, Hashable { func encode(to encoder: any Encoder) {} }

    private func text(_ value: some Encodable) throws -> String {
        String(decoding: try JSONPayload.encode(value), as: UTF8.self)
    }

    @Test func aValueIsReadBackAsItWas() throws {
        let value = Plain()
        #expect(try JSONPayload.decode(Plain.self, from: JSONPayload.encode(value)) == value)
    }

    @Test func keysKeepTheOrderOfDeclaration() throws {
        struct Pair: Codable { var second: Int, first: String }
        #expect(try text(Pair(second: 1, first: "a")) == #"{"second":1,"first":"a"}"#)
    }

    @Test func valuesWithoutAnObjectAroundThem() throws {
        #expect(try text(5) == "5")
        #expect(try text("a/b") == #""a/b""#)
        #expect(try text([1.0, 0.1, -3e40]) == "[1,0.1,-3e+40]")
        #expect(try text(Int?.none) == "null")
        #expect(try text([Int.min, .max]) == "[-9223372036854775808,9223372036854775807]")
        #expect(try text([String: Int]()) == "{}")
        #expect(try text(Date(timeIntervalSince1970: 0)) == #""1970-01-01T00:00:00Z""#)
    }

    /// What Foundation's encoder writes; of an object with one member, since it has an order of its own.
    private func foundation(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .withoutEscapingSlashes
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    @Test func numbersAsFoundationWritesThem() throws {
        for number in [0, 7, 10, 99, -1, -10, 1_234_567_890, .min, .max] { #expect(try text(number) == foundation(number)) }
        for number in [UInt64.max, 18_446_744_073_709_551_610, 1_000_000_000] { #expect(try text(number) == foundation(number)) }
        for number in [Int8.min, .max] { #expect(try text([number]) == foundation([number])) }
        for number in [0.0, -0.0, 5, 1e15, 1e16, 1e-7, 0.1, .pi, .greatestFiniteMagnitude] {
            #expect(try text(number) == foundation(number))
        }
        for number in [Float(0.1), 5, 1e16, -2.5] { #expect(try text(["a": number]) == foundation(["a": number])) }
    }

    @Test func textsOfAllLengthsWithSomethingToEscapeAnywhere() throws {
        for length in 0...40 {
            let plain = String(repeating: "abcdefghij", count: 4).prefix(length)
            #expect(try text(String(plain)) == foundation(String(plain)))
            for place in 0..<length {
                for special in ["\"", "\\", "\n", "\u{1f}", "\u{7f}", "é", "🂡"] {
                    let value = String(plain.prefix(place)) + special + String(plain.dropFirst(place + 1))
                    #expect(try text(value) == foundation(value))
                    #expect(try text([value: value]) == foundation([value: value]))
                }
            }
        }
    }

    @Test func textsThatNeedMoreRoom() throws {
        for length in [250, 254, 255, 256, 257, 511, 512, 513, 5000] {
            let value = ["a": [String(repeating: "x", count: length), String(repeating: "\u{1}", count: length)]]
            #expect(try text(value) == foundation(value))
            var bytes = Array("before".utf8)
            try JSONPayload.encode(value, to: &bytes)
            #expect(try String(decoding: bytes, as: UTF8.self) == "before" + foundation(value))
        }
    }

    @Test func whatCannotBeWrittenLeavesTheBytesAsTheyWere() {
        var bytes = Array("before".utf8)
        #expect(throws: EncodingError.self) { try JSONPayload.encode([1, .nan], to: &bytes) }
        #expect(bytes == Array("before".utf8))
    }

    @Test func controlCharactersAreEscaped() throws {
        let all = String(String.UnicodeScalarView((0..<0x80).compactMap(Unicode.Scalar.init)))
        let written = try JSONPayload.encode(all)
        #expect(try JSONDecoder().decode(String.self, from: Data(written)) == all)
        #expect(written.allSatisfy { $0 >= 0x20 })
    }

    @Test func whatIsNotWrittenFrontToBackIsWrittenToo() throws {
        #expect(try JSONPayload.decode(Dog.self, from: JSONPayload.encode(Dog())).legs == 4)
        let interleaved = try JSONPayload.decode([String: JSONValue].self, from: JSONPayload.encode(Interleaved()))
        #expect(interleaved == ["first": .object(["third": 3]), "second": .number(2)])
        #expect(try JSONPayload.decode(Decimal.self, from: JSONPayload.encode(Decimal(string: "1.10"))) == Decimal(string: "1.1"))
        #expect(try text([Silent()]) == "[{}]")
    }

    private enum JSONValue: Decodable, Hashable {
        case number(Int)
        case object([String: Int])
        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let number = try? container.decode(Int.self) {
                self = .number(number)
            } else {
                self = .object(try container.decode([String: Int].self))
            }
        }
    }

    @Test func whatJSONCannotHoldIsAnError() {
        #expect(throws: EncodingError.self) { try JSONPayload.encode(Double.nan) }
        #expect(throws: EncodingError.self) { try JSONPayload.encode([Float.infinity]) }
    }

    @Test func deepNesting() throws {
        var value = Inner()
        for _ in 0..<100 { value = Inner(values: [value]) }
        #expect(try JSONPayload.decode(Inner.self, from: JSONPayload.encode(value)) == value)
    }
}

/// What is read fast is what Foundation's decoder reads.
struct JSONReadingTests {
    private struct Mixed: Codable, Equatable {
        var text: String?
        var number: Int?
        var small: Int8?
        var ratio: Double?
        var list: [Mixed]?
        var flag: Bool?
        var map: [String: UInt64]?
    }

    @Test(arguments: [
        "{}", " { } ", #"{"text":"a"}"#, #"{"text":"é🂡"}"#, #"{"text":"a\"bA"}"#, #"{"text":null,"number":-5}"#, #"{"number":1.0}"#,
        #"{"number":1e2}"#, #"{"number":01}"#, #"{"number":-}"#, #"{"number":9223372036854775807}"#, #"{"number":9223372036854775808}"#,
        #"{"number":-9223372036854775808}"#, #"{"small":127}"#, #"{"small":128}"#, #"{"small":-128}"#, #"{"small":-129}"#,
        #"{"ratio":0.1}"#, #"{"ratio":-0}"#, #"{"ratio":1.}"#, #"{"ratio":5}"#, #"{"ratio":1e400}"#,
        #"{"list":[{},{"list":[]},{"number":1}]}"#,
        #"{"list":[1]}"#, #"{"list":[{}"#, #"{"list":[{},]}"#, #"{"flag":true}"#, #"{"flag":1}"#, #"{"flag":tru}"#, #"{"flag":false,}"#,
        #"{"map":{"a":1,"b":18446744073709551615}}"#, #"{"map":{"a":-1}}"#, #"{"number":1,"number":2}"#,
        "{\"text\" : \"a\" , \"number\":\t3}",
        #"{"unknown":{"deep":[[[]]]},"number":4}"#, #"{"text":"a"}x"#, "[]", "null", "", "  ", "{\"text\":\"\u{1}\"}", #"{"text":"a}"#,
        #"{1:2}"#,
    ])
    func asFoundationReadsIt(json: String) {
        let decoder = JSONDecoder()
        let bytes = Array(json.utf8)
        let expected = try? decoder.decode(Mixed.self, from: Data(bytes.isEmpty ? Array("{}".utf8) : bytes))
        #expect((try? JSONPayload.decode(Mixed.self, from: bytes)) == expected)
    }

    private enum Choice: Decodable, Equatable {
        case whole(Int)
        case other

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            self = (try? container.decode(Int.self)).map { .whole($0) } ?? .other
        }
    }

    @Test(arguments: ["1", "1.0", "1e2", #""1""#, "1.5", "null"]) func aTypeThatTriesOneThingAfterTheOtherComesToTheSameEnd(json: String)
        throws
    {
        let bytes = Array(json.utf8)
        #expect(try JSONPayload.decode(Choice.self, from: bytes) == JSONDecoder().decode(Choice.self, from: Data(bytes)))
    }

    @Test func bytesThatAreNotUTF8AreNoText() {
        #expect(throws: DecodingError.self) {
            try JSONPayload.decode(Mixed.self, from: Array(#"{"text":""#.utf8) + [0xff] + Array(#""}"#.utf8))
        }
    }

    @Test func deepNestingDoesNoHarm() {
        let depth = 100_000
        let json = Array(String(repeating: #"{"list":["#, count: depth).utf8)
        #expect(throws: DecodingError.self) { try JSONPayload.decode(Mixed.self, from: json) }
    }
}
