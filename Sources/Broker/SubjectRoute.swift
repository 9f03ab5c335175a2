import RivuletSubscriptions

/// What becomes of a message that is published to one subject: worked out once, kept by connections while the interest does not
/// change.
final class SubjectRoute: Sendable {
    enum Verdict {
        case deliver
        case invalid
        case forbidden
    }

    let verdict: Verdict
    /// The generation of the interest that the route is true in.
    let generation: UInt64
    /// `HMSG <subject> `: the start of every frame; a MSG starts at its second byte.
    let start: [UInt8]
    let plain: [Subscriber]
    let groups: [[Subscriber]]

    /// Whether any of the subscribers is a connection.
    let reachesConnections: Bool
    /// Whether any of the subscribers is in the process.
    let reachesProcess: Bool
    /// Whether any of the subscribers may answer requests it could not publish to otherwise.
    let hasAnswerers: Bool

    init(subject: borrowing Span<UInt8>, from party: Party, interest: Interest, permissions: Permissions, maximumTokens: Int) {
        var start: [UInt8] = []
        start.reserveCapacity(subject.count + 6)
        start.append(contentsOf: "HMSG ".utf8)
        subject.withUnsafeBufferPointer { start.append(contentsOf: $0) }
        let name = start[5...]
        var verdict = Verdict.deliver
        if !SubjectBytes.isPublishable(name, maximumTokens: maximumTokens) {
            verdict = .invalid
        } else if !permissions.allow(party, to: .publish, name) {
            verdict = .forbidden
        }
        var plain: [Subscriber] = []
        var groups: [[Subscriber]] = []
        if verdict == .deliver {
            let (route, generation) = interest.route(for: name)
            plain = route.plain.filter { permissions.allow($0.party, to: .receive, name) }
            for group in route.groups {
                let allowed = group.filter { permissions.allow($0.party, to: .receive, name) }
                if !allowed.isEmpty { groups.append(allowed) }
            }
            self.generation = generation
        } else {
            generation = interest.generation
        }
        self.verdict = verdict
        self.plain = plain
        self.groups = groups
        let parties = (plain + groups.joined()).map(\.party)
        reachesConnections = parties.contains { $0.isNetwork }
        reachesProcess = parties.contains { !$0.isNetwork }
        hasAnswerers = parties.contains { if case .network(let access) = $0 { access.answersRequests } else { false } }
        start.append(0x20)
        self.start = start
    }

    /// The subject's bytes.
    var subject: ArraySlice<UInt8> { start[5..<(start.count - 1)] }

    /// Whether this is the route of these bytes.
    func isFor(_ subject: borrowing Span<UInt8>) -> Bool {
        guard start.count == subject.count + 6 else { return false }
        return start.withUnsafeBytes { own in
            subject.withUnsafeBytes { other in
                UnsafeRawBufferPointer(rebasing: own[5..<(own.count - 1)]).elementsEqual(other)
            }
        }
    }
}
