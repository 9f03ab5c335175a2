/// Why a broker could not start.
public struct BrokerError: Error, CustomStringConvertible {
    /// The kinds of trouble.
    public struct Code: Hashable, Sendable {
        private let name: String
        /// Another program listens at the port.
        public static let addressInUse = Code(name: "addressInUse")
        /// The system does not let this program listen there.
        public static let cannotListen = Code(name: "cannotListen")
        /// A certificate or key cannot be read or does not fit, or the broker was started without TLS.
        public static let cannotUseTLS = Code(name: "cannotUseTLS")
        /// The broker was started before, or is closed.
        public static let wrongState = Code(name: "wrongState")
    }

    /// What kind of trouble it is.
    public let code: Code
    /// A sentence for people.
    public let message: String
    /// What the system said.
    public let cause: (any Error)?

    init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.cause = cause
    }

    /// The sentence.
    public var description: String { message }
}
