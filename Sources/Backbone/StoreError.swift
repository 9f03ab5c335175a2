/// Why a store could not do what it was asked.
public struct StoreError: Error, Sendable, CustomStringConvertible {
    /// The kinds of trouble.
    public struct Code: Hashable, Sendable {
        private let name: String
        /// The disk or the database is full.
        public static let full = Code(name: "full")
        /// The store may not be written.
        public static let readOnly = Code(name: "readOnly")
        /// The store cannot be reached or opened now.
        public static let unavailable = Code(name: "unavailable")
        /// Another node holds the store.
        public static let inUse = Code(name: "inUse")
        /// The content is damaged, or was written by something else or something newer.
        public static let incompatible = Code(name: "incompatible")
        /// There is no such stream.
        public static let noStream = Code(name: "noStream")
        /// It cannot be told whether a commit happened.
        public static let unknownOutcome = Code(name: "unknownOutcome")
        /// The store was closed.
        public static let closed = Code(name: "closed")
    }

    /// What kind of trouble it is.
    public let code: Code
    /// A sentence for people: what could not be done, on which store, and why.
    public let message: String
    /// What the database said.
    public let cause: (any Error)?

    /// An error.
    public init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.cause = cause
    }

    /// The sentence.
    public var description: String { message }
}
