/// Why monitoring could not start.
public struct MonitoringError: Error, CustomStringConvertible {
    /// The kinds of trouble.
    public struct Code: Hashable, Sendable {
        private let name: String
        /// Another program listens at the port.
        public static let addressInUse = Code(name: "addressInUse")
        /// The system does not let this program listen there.
        public static let cannotListen = Code(name: "cannotListen")
    }

    /// What kind of trouble it is.
    public let code: Code
    /// A sentence for people.
    public let message: String
    /// What the system said.
    public let cause: any Error

    init(_ code: Code, _ message: String, cause: any Error) {
        self.code = code
        self.message = message
        self.cause = cause
    }

    /// The sentence.
    public var description: String { message }
}
