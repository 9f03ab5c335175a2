/// Who asks to use a subject.
enum Party: Sendable {
    /// The program the broker is part of.
    case process
    /// A client on the network, with what it may do.
    case network(Access)

    var isNetwork: Bool { if case .network = self { true } else { false } }
}

/// Who may do what with which subject. The one place that decides: at publish, at subscribe and at delivery.
struct Permissions: Sendable {
    enum Use {
        case publish
        /// The subject may be a pattern.
        case subscribe
        /// To get a message that was published to the subject.
        case receive
    }

    private let reservedPublishPrefixes: [[UInt8]]
    private let nodeLocalPrefixes: [[UInt8]]

    init(_ configuration: BrokerConfiguration) {
        reservedPublishPrefixes = configuration.reservedPublishPrefixes.map { Array($0.utf8) }
        let own = [PeerReply.prefix, PeerEnvelope.reservedPrefix]
        nodeLocalPrefixes = configuration.nodeLocalPrefixes.map { Array($0.utf8) } + own
    }

    func allow(_ party: Party, to use: Use, _ subject: some Collection<UInt8>) -> Bool {
        guard case .network(let access) = party else { return true }
        if use == .publish, isReserved(subject) { return false }
        return access.allows(use, subject)
    }

    /// Whether a client may publish where it may not otherwise, since that answers a request it got. Counts as an answer.
    func allowAnswer(of access: Access, to subject: [UInt8]) -> Bool {
        access.answersRequests && !isReserved(subject) && access.takeAnswer(to: subject)
    }

    /// Whether the process may answer a client at this subject. What the process publishes is not checked, so no client may make it
    /// publish where the client itself cannot, other than to inboxes.
    func allowReply(for access: Access, at subject: some Collection<UInt8>) -> Bool {
        !isReserved(subject) && access.allowsReply(at: subject)
    }

    /// Whether messages to this subject, or to all that this pattern stands for, never go to other nodes.
    func isNodeLocal(_ subject: some Collection<UInt8>) -> Bool {
        nodeLocalPrefixes.contains { subject.starts(with: $0) }
    }

    private func isReserved(_ subject: some Collection<UInt8>) -> Bool {
        reservedPublishPrefixes.contains { subject.starts(with: $0) }
    }
}
