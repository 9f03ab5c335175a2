/// What becomes of messages that are published to a subject: worked out once, kept while the interest does not change, and the same
/// object for all subjects that the same subscriptions want.
final class SubjectRoute: Sendable {
    enum Verdict {
        case deliver
        /// It has too many tokens.
        case invalid
        case forbidden
    }

    let verdict: Verdict
    /// The generation of the interest that the route is true in.
    let generation: UInt64
    /// Subscribers of this node outside any queue group.
    let plain: [Subscriber]
    let groups: [QueueGroup]
    /// The other nodes, if any of them may get messages.
    let peers: PeerLink?
    /// Whether subscribers of other nodes outside any queue group want the messages.
    let isWantedElsewhere: Bool
    /// How many bytes at the subject's beginning said only where it is to go.
    let stripped: Int
    /// Whether any of the subscribers is a connection.
    let reachesConnections: Bool
    /// Whether any of the subscribers is in the process.
    let reachesProcess: Bool
    /// Whether any of the subscribers may answer requests it could not publish to otherwise.
    let hasAnswerers: Bool
    /// Whether any of the subscribers may not have all messages.
    let isLimited: Bool
    /// Whether all outside queue groups are connections, each but once, none of them an answerer: then many messages can be handed over
    /// at a time, and a connection still sees them in the order in which they were published.
    let takesPlainRuns: Bool
    /// Whether that is so, there are no queue groups, and subjects stay as they are.
    let takesRuns: Bool

    init(
        plain: [Subscriber] = [], groups: [QueueGroup] = [], peers: PeerLink? = nil, isWantedElsewhere: Bool = false, stripped: Int = 0,
        generation: UInt64
    ) {
        verdict = .deliver
        self.generation = generation
        self.plain = plain
        self.groups = groups
        self.peers = peers
        self.isWantedElsewhere = isWantedElsewhere
        self.stripped = stripped
        let parties = (plain + groups.flatMap(\.members)).map(\.party)
        reachesConnections = parties.contains { $0.isNetwork }
        reachesProcess = parties.contains { !$0.isNetwork }
        hasAnswerers = parties.contains(where: \.answersRequests)
        isLimited = parties.contains { if case .network(let access) = $0 { access.isLimited } else { false } }
        takesPlainRuns = plain.allSatisfy { $0.party.isNetwork && !$0.party.answersRequests } && Self.areDistinct(plain)
        takesRuns = takesPlainRuns && groups.isEmpty && stripped == 0
    }

    /// The route to those whom an interest index found, on whichever node.
    convenience init(to plain: [Subscriber], _ groups: [[Subscriber]], generation: UInt64) {
        let here = plain.filter { $0.peers == nil }
        self.init(
            plain: here, groups: groups.map { QueueGroup($0) },
            peers: (plain + groups.joined()).lazy.compactMap(\.peers).first, isWantedElsewhere: here.count < plain.count,
            generation: generation)
    }

    /// The route of subjects that may not be used.
    init(refused verdict: Verdict, generation: UInt64) {
        self.verdict = verdict
        self.generation = generation
        plain = []
        groups = []
        peers = nil
        isWantedElsewhere = false
        stripped = 0
        reachesConnections = false
        reachesProcess = false
        hasAnswerers = false
        isLimited = false
        takesPlainRuns = false
        takesRuns = false
    }

    private static func areDistinct(_ subscribers: [Subscriber]) -> Bool {
        var seen: Set<ObjectIdentifier> = []
        return subscribers.allSatisfy { subscriber in
            guard case .connection(let outbox) = subscriber.target else { return true }
            return seen.insert(ObjectIdentifier(outbox)).inserted
        }
    }

    var isEmpty: Bool { plain.isEmpty && groups.isEmpty && !isWantedElsewhere }

    /// The route without those of this node who may not have the message: itself, in most cases.
    func limited(to isAllowed: (Subscriber) -> Bool) -> SubjectRoute {
        if plain.allSatisfy(isAllowed), groups.allSatisfy({ $0.members.allSatisfy(isAllowed) }) { return self }
        let groups = groups.map { QueueGroup(members: $0.members.filter(isAllowed), peers: $0.peers) }.filter { !$0.isEmpty }
        return SubjectRoute(
            plain: plain.filter(isAllowed), groups: groups, peers: peers, isWantedElsewhere: isWantedElsewhere, generation: generation)
    }

    /// The route of messages that other nodes are not to get: itself, if there are none.
    func withinNode() -> SubjectRoute {
        guard peers != nil else { return self }
        let groups = groups.map { QueueGroup(members: $0.members, peers: []) }.filter { !$0.isEmpty }
        return SubjectRoute(plain: plain, groups: groups, generation: generation)
    }

    /// The route of messages whose subjects begin with so many bytes more.
    func stripping(_ count: Int) -> SubjectRoute {
        SubjectRoute(plain: plain, groups: groups, stripped: count, generation: generation)
    }
}

/// Those of whom one gets each message: somebody on this node, and only if there is nobody, somebody on another.
struct QueueGroup: Sendable {
    let members: [Subscriber]
    /// One for each other node that has members, with each pattern.
    let peers: [Subscriber]
    /// Whether no more than one other node has members.
    let isWithinOnePeer: Bool

    init(members: [Subscriber], peers: [Subscriber]) {
        self.members = members
        self.peers = peers
        isWithinOnePeer = peers.allSatisfy { $0.sid == peers[0].sid }
    }

    init(_ subscribers: [Subscriber]) {
        self.init(members: subscribers.filter { $0.peers == nil }, peers: subscribers.filter { $0.peers != nil })
    }

    var isEmpty: Bool { members.isEmpty && peers.isEmpty }

    /// The node whose turn it is.
    func peer(_ turn: UInt64) -> Subscriber? {
        peers.isEmpty ? nil : peers[Int(truncatingIfNeeded: turn % UInt64(peers.count))]
    }
}

extension Party {
    fileprivate var answersRequests: Bool { if case .network(let access) = self { access.answersRequests } else { false } }
}
