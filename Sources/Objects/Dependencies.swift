/// What a node gives its objects besides their state: one value a type, such as a configuration or a client of another service.
public struct Dependencies: Sendable {
    /// A turn asked for a type that the node was not given.
    public struct Missing: Error, CustomStringConvertible {
        /// The type's name.
        public let type: String
        /// A sentence for people.
        public var description: String { "the node has no \(type) among its dependencies" }
    }

    private var values: [ObjectIdentifier: any Sendable] = [:]

    /// None.
    public init() {}

    /// These and one more; a value of the same type is replaced.
    public func with<Value: Sendable>(_ value: Value) -> Dependencies {
        var copy = self
        copy.values[ObjectIdentifier(Value.self)] = value
        return copy
    }

    /// The value of a type.
    ///
    /// - Throws: ``Missing``.
    public func get<Value: Sendable>(_ type: Value.Type) throws(Missing) -> Value {
        guard let value = values[ObjectIdentifier(type)] as? Value else { throw Missing(type: String(describing: type)) }
        return value
    }
}
