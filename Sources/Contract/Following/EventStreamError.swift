/// Why events cannot be followed any further.
public struct EventStreamError: Error, Sendable, CustomStringConvertible {
    /// The kinds of trouble.
    public struct Code: Hashable, Sendable {
        private let name: String
        /// There is no stream of that name.
        public static let noStream = Code(name: "noStream")
        /// The stream cannot be read now.
        public static let unavailable = Code(name: "unavailable")
        /// The bus was closed.
        public static let closed = Code(name: "closed")
        /// The kind or the id cannot stand in a subject, or the server did not understand the request or answered strangely.
        public static let invalid = Code(name: "invalid")
        /// An event's payload is not what its type says. Following can be resumed after ``EventStreamError/position``.
        public static let undecodable = Code(name: "undecodable")
    }

    /// What kind of trouble it is.
    public let code: Code
    /// A sentence for people.
    public let message: String
    /// The event in question; nil when it is not about one.
    public let position: Position?
    /// What was behind it.
    public let cause: (any Error)?

    init(_ code: Code, _ message: String, at position: Position? = nil, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.position = position
        self.cause = cause
    }

    /// The sentence.
    public var description: String { message }
}
