import RivuletSubscriptions
import RivuletWire

/// Whom of those on a route a message from another node is for.
enum RelayedRecipients {
    case everybody
    case plain
    case some(PeerEnvelope)
}

extension Router {
    /// Where messages from other nodes go on this one.
    func relayedRoute(for subject: borrowing Span<UInt8>) -> SubjectRoute {
        subject.withUnsafeBufferPointer { name in
            let isTaken =
                SubjectForm(name, maximumTokens: configuration.maximumSubjectTokens) == .proper && !permissions.isNodeLocal(name)
            return isTaken ? receivers(of: name).withinNode() : SubjectRoute(generation: interest.generation)
        }
    }

    /// Where answers from other nodes go.
    func inboxRoute(for subject: borrowing Span<UInt8>) -> SubjectRoute {
        subject.withUnsafeBufferPointer { name in
            let isTaken = SubjectForm(name, maximumTokens: configuration.maximumSubjectTokens) == .proper
            return isTaken ? receivers(of: name).withinNode() : SubjectRoute(generation: interest.generation)
        }
    }

    /// Delivers a message from another node.
    ///
    /// - Returns: Whether anybody got it.
    @discardableResult
    func deliver(
        relayed frame: PublishFrame, in bytes: borrowing Span<UInt8>, along route: SubjectRoute, to recipients: RelayedRecipients,
        turn: UInt64, into batch: inout DeliveryBatch
    ) -> Bool {
        let size = frame.payload.upperBound - (frame.headers ?? frame.payload).lowerBound
        batch.traffic.inMessages += 1
        batch.traffic.inBytes += size
        if route.isEmpty { return false }
        var parcel = Parcel(size: size, hasHeaders: frame.headers != nil, echoless: nil, turn: turn)
        if route.hasAnswerers, let reply = frame.reply { parcel.reply = Array(copying: bytes.extracting(reply)) }
        guard let range = frame.tail else { return false }
        let (subject, tail) = (bytes.extracting(frame.subject), bytes.extracting(range))
        let message = route.reachesProcess && recipients.includesProcesses ? decode(frame, origin: nil, in: bytes) : nil
        var anybody = false
        if recipients.includesPlain {
            for subscriber in route.plain where recipients.includesProcesses || subscriber.party.isNetwork {
                if deliver(&parcel, message, subject, tail, to: subscriber, into: &batch, { Self.plainTail(of: frame, in: bytes) }) {
                    anybody = true
                }
            }
        }
        for group in route.groups where recipients.includes(group) {
            let members = recipients.includesProcesses ? group.members : group.members.filter(\.party.isNetwork)
            if deliver(&parcel, message, subject, tail, toOneOf: members, into: &batch, { Self.plainTail(of: frame, in: bytes) }) {
                anybody = true
            }
        }
        return anybody
    }
}

extension RelayedRecipients {
    fileprivate var includesPlain: Bool {
        switch self {
        case .everybody, .plain: true
        case .some(let envelope): envelope.flags.contains(.plain)
        }
    }

    fileprivate var includesProcesses: Bool {
        if case .some(let envelope) = self { !envelope.flags.contains(.connectionsOnly) } else { true }
    }

    fileprivate func includes(_ group: QueueGroup) -> Bool {
        switch self {
        case .everybody: true
        case .plain: false
        case .some(let envelope): group.members.first?.queue.map { envelope.queues.contains($0) } ?? false
        }
    }
}
