import Foundation

/// Reads stored state, also what was written before fields with defaults were added.
enum StateCoding {
    /// The object with the state that JSON describes.
    ///
    /// - Throws: ``UnreadableState`` when it does not decode; it must then not be overwritten.
    static func restore<Object: ServiceObject>(
        _ object: Object, from stored: [UInt8], of id: ObjectID
    ) throws(UnreadableState) -> any ServiceObject {
        var object = object
        object.state = try decode(stored, of: id, fresh: object.state)
        return object
    }

    /// The object's state as JSON.
    static func encode(_ object: some ServiceObject) throws -> [UInt8] {
        try JSONPayload.encode(object.state)
    }

    /// The state that JSON describes, missing top-level fields taken from `fresh`.
    ///
    /// - Throws: ``UnreadableState`` when it does not decode even so; it must then not be overwritten.
    static func decode<State: Codable>(_ stored: [UInt8], of object: ObjectID, fresh: State) throws(UnreadableState) -> State {
        do {
            return try JSONPayload.decode(State.self, from: stored)
        } catch {
            guard case DecodingError.keyNotFound = error, let filled = try? fill(stored, from: fresh),
                let state = try? JSONPayload.decode(State.self, from: filled)
            else {
                throw UnreadableState(object: object, reason: JSONPayload.explain(error))
            }
            return state
        }
    }

    private static func fill(_ stored: [UInt8], from fresh: some Encodable) throws -> [UInt8]? {
        let defaults = try JSONSerialization.jsonObject(with: Data(JSONPayload.encode(fresh))) as? [String: Any]
        let present = try JSONSerialization.jsonObject(with: Data(stored)) as? [String: Any]
        guard let defaults, let present else { return nil }
        return Array(try JSONSerialization.data(withJSONObject: defaults.merging(present) { $1 }))
    }
}

/// Stored state that does not fit the object's type.
struct UnreadableState: Error, CustomStringConvertible {
    let object: ObjectID
    let reason: String
    var description: String { "the stored state of \(object) cannot be read: \(reason)" }
}
