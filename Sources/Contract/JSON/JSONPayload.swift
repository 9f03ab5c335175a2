#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The one way payloads are coded: JSON with ISO 8601 dates and base-64 data.
public enum JSONPayload {
    private static let encoder: JSONEncoder = {
        let encoder = JSONEncoder()
        encoder.dateEncodingStrategy = .iso8601
        encoder.outputFormatting = .withoutEscapingSlashes
        return encoder
    }()

    private static let decoder: JSONDecoder = {
        let decoder = JSONDecoder()
        decoder.dateDecodingStrategy = .iso8601
        return decoder
    }()

    /// The value as JSON.
    ///
    /// - Throws: `EncodingError` for what JSON cannot hold.
    public static func encode(_ value: some Encodable) throws -> [UInt8] {
        if let text = written(value) { return text.bytes }
        return Array(try encoder.encode(value))
    }

    /// Appends the value as JSON.
    ///
    /// - Throws: `EncodingError` for what JSON cannot hold; then the bytes are as they were.
    public static func encode(_ value: some Encodable, to bytes: inout [UInt8]) throws {
        if let text = written(value) { return text.append(to: &bytes) }
        bytes.append(contentsOf: try encoder.encode(value))
    }

    /// Nil for what is rare, and for errors: Foundation's encoder can do all of it and takes ten times as long.
    private static func written(_ value: some Encodable) -> JSONText? {
        let text = JSONText()
        guard (try? text.value(value)) != nil, !text.isBeyond else { return nil }
        return text
    }

    /// The value that JSON describes; no bytes at all stand for `{}`.
    ///
    /// - Throws: `DecodingError` when it describes no such value.
    public static func decode<Value: Decodable>(_ type: Value.Type, from bytes: [UInt8]) throws -> Value {
        let bytes = bytes.isEmpty ? Array("{}".utf8) : bytes
        do {
            let tape = try JSONTape(bytes)
            let value = try tape.decode(type, at: 0)
            if !tape.isDoubtful { return value }
        } catch {
            // Foundation's decoder knows more, and says what is wrong.
        }
        return try decoder.decode(type, from: Data(bytes))
    }

    /// A decoding error as a sentence that names the place in the JSON.
    public static func explain(_ error: any Error) -> String {
        guard let error = error as? DecodingError else { return "\(error)" }
        switch error {
        case .keyNotFound(let key, let context):
            return "\"\(path(context.codingPath + [key]))\" is missing"
        case .valueNotFound(_, let context):
            return "\"\(path(context.codingPath))\" is null"
        case .typeMismatch(let type, let context):
            return context.codingPath.isEmpty ? "not a JSON \(type)" : "\"\(path(context.codingPath))\" is not a \(type)"
        case .dataCorrupted(let context):
            return context.codingPath.isEmpty ? "not valid JSON" : "\"\(path(context.codingPath))\": \(context.debugDescription)"
        @unknown default:
            return "not the expected JSON"
        }
    }

    private static func path(_ keys: [any CodingKey]) -> String {
        keys.map { $0.intValue.map { "[\($0)]" } ?? $0.stringValue }.joined(separator: ".")
    }
}
