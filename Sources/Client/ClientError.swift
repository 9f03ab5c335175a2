/// Why there is no connection.
public struct ClientError: Error, Sendable, CustomStringConvertible {
    /// The kinds of trouble.
    public struct Code: Hashable, Sendable {
        private let name: String
        /// A server's address cannot be understood, or asks for what this client cannot do.
        public static let invalidAddress = Code(name: "invalidAddress")
        /// No server could be reached.
        public static let cannotConnect = Code(name: "cannotConnect")
        /// The server does not want the connection, or ended it with an error.
        public static let refused = Code(name: "refused")
        /// The server does not accept the client's credentials, or not any more.
        public static let unauthorized = Code(name: "unauthorized")
        /// The connection cannot be encrypted: the server's or the client's certificate is not accepted, or one side cannot TLS.
        public static let tls = Code(name: "tls")
        /// The other side closed the connection, or the network broke it.
        public static let connectionLost = Code(name: "connectionLost")
        /// The server did not answer in time.
        public static let stale = Code(name: "stale")
        /// What came is not the NATS protocol.
        public static let unreadable = Code(name: "unreadable")
        /// The server is about to go away, and another one is known.
        public static let lameDuck = Code(name: "lameDuck")
    }

    /// What kind of trouble it is.
    public let code: Code
    /// A sentence for people.
    public let message: String
    /// What the system or the protocol said.
    public let cause: (any Error)?

    init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.cause = cause
    }

    /// The sentence.
    public var description: String { message }
}
