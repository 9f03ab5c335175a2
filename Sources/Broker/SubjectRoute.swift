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
    let plain: [Subscriber]
    let groups: [[Subscriber]]
    /// Whether any of the subscribers is a connection.
    let reachesConnections: Bool
    /// Whether any of the subscribers is in the process.
    let reachesProcess: Bool
    /// Whether any of the subscribers may answer requests it could not publish to otherwise.
    let hasAnswerers: Bool
    /// Whether any of the subscribers may not have all messages.
    let isLimited: Bool
    /// Whether all of them are connections, each but once, none of them in a queue group or an answerer: then many messages can be
    /// handed over at a time, and a connection still sees them in the order in which they were published.
    let takesRuns: Bool

    init(plain: [Subscriber] = [], groups: [[Subscriber]] = [], generation: UInt64) {
        verdict = .deliver
        self.generation = generation
        self.plain = plain
        self.groups = groups
        let parties = (plain + groups.joined()).map(\.party)
        reachesConnections = parties.contains { $0.isNetwork }
        reachesProcess = parties.contains { !$0.isNetwork }
        hasAnswerers = parties.contains { if case .network(let access) = $0 { access.answersRequests } else { false } }
        isLimited = parties.contains { if case .network(let access) = $0 { access.isLimited } else { false } }
        takesRuns = groups.isEmpty && !reachesProcess && !hasAnswerers && Self.areDistinct(plain)
    }

    /// The route of subjects that may not be used.
    init(refused verdict: Verdict, generation: UInt64) {
        self.verdict = verdict
        self.generation = generation
        plain = []
        groups = []
        reachesConnections = false
        reachesProcess = false
        hasAnswerers = false
        isLimited = false
        takesRuns = false
    }

    private static func areDistinct(_ subscribers: [Subscriber]) -> Bool {
        var seen: Set<ObjectIdentifier> = []
        return subscribers.allSatisfy { subscriber in
            guard case .connection(let outbox) = subscriber.target else { return true }
            return seen.insert(ObjectIdentifier(outbox)).inserted
        }
    }

    var isEmpty: Bool { plain.isEmpty && groups.isEmpty }

    /// The route without those who may not have the message: itself, in most cases.
    func limited(to isAllowed: (Subscriber) -> Bool) -> SubjectRoute {
        if plain.allSatisfy(isAllowed), groups.allSatisfy({ $0.allSatisfy(isAllowed) }) { return self }
        let groups = groups.map { $0.filter(isAllowed) }.filter { !$0.isEmpty }
        return SubjectRoute(plain: plain.filter(isAllowed), groups: groups, generation: generation)
    }
}
