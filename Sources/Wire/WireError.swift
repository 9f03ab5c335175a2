/// What is wrong with a frame or a connection, in the words of the NATS protocol.
///
/// A server writes it as `-ERR '<protocolText>'`; clients act on the text. The texts are those of the protocol reference and,
/// where the reference has none, of nats-server.
public enum WireError: Error, Sendable, Hashable {
    /// The operation's name is not one of the protocol's, or a payload does not end in CRLF where its size says it does.
    case unknownProtocolOperation
    /// The arguments of one line are longer than `WireLimits.controlLine`.
    case maximumControlLineExceeded
    /// A message is larger than `WireLimits.payload`, or its headers larger than `WireLimits.headers`.
    case maximumPayloadViolation
    /// The arguments are too few, too many, or not numbers where numbers belong; or the JSON of INFO or CONNECT is malformed.
    case parserError
    /// A subscription's subject is not a subject pattern.
    case invalidSubject
    /// A message's subject is not a subject, or has wildcards.
    case invalidPublishSubject
    /// A header block does not start with `NATS/1.0` or is otherwise malformed.
    case invalidHeaders
    /// A client that did not set `headers` sent a message with headers.
    case headersNotSupported
    /// A client set `no_responders` without `headers`.
    case noRespondersRequiresHeaders
    /// CONNECT asks for a protocol version that does not exist.
    case invalidClientProtocol
    /// The client may not publish to this subject.
    case permissionsViolationPublish(String)
    /// The client may not subscribe to this subject.
    case permissionsViolationSubscription(String)
    /// The client may not subscribe to this subject in this queue group.
    case permissionsViolationQueueSubscription(String, queue: String)
    /// The client may not name this subject for replies.
    case permissionsViolationReply(String)
    /// The client has as many subscriptions as it may have.
    case maximumSubscriptionsExceeded
    /// The server has as many connections as it may have.
    case maximumConnectionsExceeded
    /// The client's credentials are not accepted.
    case authorizationViolation
    /// The time for which the client's credentials are accepted is over.
    case authenticationExpired
    /// The client did not CONNECT in time.
    case authenticationTimeout
    /// The client reads slower than messages arrive for it, beyond what the server keeps.
    case slowConsumer
    /// The client does not answer PING.
    case staleConnection
    /// The server is going away.
    case serverShutdown
    /// An error that only its text tells of.
    case other(String)

    /// The text between the quotes of `-ERR '…'`.
    public var protocolText: String {
        switch self {
        case .unknownProtocolOperation: "Unknown Protocol Operation"
        case .maximumControlLineExceeded: "Maximum Control Line Exceeded"
        case .maximumPayloadViolation: "Maximum Payload Violation"
        case .parserError: "Parser Error"
        case .invalidSubject: "Invalid Subject"
        case .invalidPublishSubject: "Invalid Publish Subject"
        case .invalidHeaders: "Invalid Headers"
        case .headersNotSupported: "Message Headers Not Supported"
        case .noRespondersRequiresHeaders: "No Responders Requires Headers Support"
        case .invalidClientProtocol: "Invalid Client Protocol"
        case .permissionsViolationPublish(let subject): "Permissions Violation for Publish to \"\(subject)\""
        case .permissionsViolationSubscription(let subject): "Permissions Violation for Subscription to \"\(subject)\""
        case .permissionsViolationQueueSubscription(let subject, let queue):
            "Permissions Violation for Subscription to \"\(subject)\" using queue \"\(queue)\""
        case .permissionsViolationReply(let subject): "Permissions Violation for Publish with Reply of \"\(subject)\""
        case .maximumSubscriptionsExceeded: "Maximum Subscriptions Exceeded"
        case .maximumConnectionsExceeded: "Maximum Connections Exceeded"
        case .authorizationViolation: "Authorization Violation"
        case .authenticationExpired: "User Authentication Expired"
        case .authenticationTimeout: "Authentication Timeout"
        case .slowConsumer: "Slow Consumer"
        case .staleConnection: "Stale Connection"
        case .serverShutdown: "Server Shutdown"
        case .other(let text): text
        }
    }

    /// Whether the server closes the connection after writing this error, as nats-server does.
    public var closesConnection: Bool {
        switch self {
        case .invalidSubject, .invalidPublishSubject, .invalidHeaders, .permissionsViolationPublish, .permissionsViolationSubscription,
            .permissionsViolationQueueSubscription, .permissionsViolationReply, .maximumSubscriptionsExceeded, .other:
            false
        default:
            true
        }
    }

    /// The error that a server's text tells of. Case is ignored, since nats-server's differs from the reference in places;
    /// quotes around the text are dropped. A text that is not known becomes `.other`.
    public init(protocolText text: String) {
        // By scalar: a combining mark that follows a quote makes one character with it.
        var scalars = text.unicodeScalars[...]
        while let first = scalars.first, first == "'" || first == " " { scalars.removeFirst() }
        while let last = scalars.last, last == "'" || last == " " { scalars.removeLast() }
        let body = Substring(scalars)
        let lowered = body.lowercased()
        if let known = Self.fixed.first(where: { $0.protocolText.lowercased() == lowered }) {
            self = known
        } else if let subject = Self.subject(in: body, after: "permissions violation for publish to \"") {
            self = .permissionsViolationPublish(subject)
        } else if let subject = Self.subject(in: body, after: "permissions violation for publish with reply of \"") {
            self = .permissionsViolationReply(subject)
        } else if let subject = Self.subject(in: body, after: "permissions violation for subscription to \"") {
            let rest = body.dropFirst("permissions violation for subscription to \"\(subject)\"".count)
            if let queue = Self.subject(in: rest, after: " using queue \"") {
                self = .permissionsViolationQueueSubscription(subject, queue: queue)
            } else {
                self = .permissionsViolationSubscription(subject)
            }
        } else {
            self = .other(String(body))
        }
    }

    private static let fixed: [WireError] = [
        .unknownProtocolOperation, .maximumControlLineExceeded, .maximumPayloadViolation, .parserError, .invalidSubject,
        .invalidPublishSubject, .invalidHeaders, .headersNotSupported, .noRespondersRequiresHeaders, .invalidClientProtocol,
        .maximumSubscriptionsExceeded, .maximumConnectionsExceeded, .authorizationViolation, .authenticationExpired, .authenticationTimeout,
        .slowConsumer, .staleConnection, .serverShutdown,
    ]

    private static func subject(in body: Substring, after prefix: String) -> String? {
        guard body.lowercased().hasPrefix(prefix) else { return nil }
        let rest = body.dropFirst(prefix.count)
        return rest.firstIndex(of: "\"").map { String(rest[..<$0]) }
    }
}

extension WireError: CustomStringConvertible {
    /// The text a server would write.
    public var description: String { protocolText }
}
