import RivuletSubscriptions
import Synchronization

/// Everybody's subscriptions, for use from any thread.
///
/// The generation changes with every change, after it was made and before the call that made it returns. Who keeps a route and finds
/// the generation unchanged knows that the route is still right.
final class Interest: Sendable {
    private struct State {
        var index = InterestIndex<Subscriber>()
        /// Routes by the patterns that the subject matched, as long as nothing changes. Subjects are many, what they match is little.
        var routes: [[PatternMatch]: SubjectRoute] = [:]
        var matches: [PatternMatch] = []
        /// What was matched last, which is the most likely to be matched next.
        var lastMatches: [PatternMatch] = []
        var lastRoute: SubjectRoute?
        /// Whether anybody on this node wants what begins so, as long as nothing changes: few streams of events are asked for.
        var isWantedUnder: [Subject: Bool] = [:]
        var peers: PeerLink?
        /// What other nodes want, as subscribers in the index.
        var elsewhere: [String: [SubscribedPattern: Subscriber]] = [:]
        var elsewhereCount = 0
    }

    private static let mostRoutes = 4096

    private let state = Mutex(State())
    private let currentGeneration = Atomic<UInt64>(1)

    var generation: UInt64 { currentGeneration.load(ordering: .acquiring) }

    /// How many subscriptions there are on this node.
    var count: Int { state.withLock { $0.index.count - $0.elsewhereCount } }

    /// Whether anybody on this node wants messages to subjects that begin with these tokens and go on.
    func hasSubscribers(under prefix: Subject) -> Bool {
        state.withLock { state in
            if let known = state.isWantedUnder[prefix] { return known }
            let isWanted = state.index.contains(under: prefix) { $0.peers == nil }
            state.isWantedUnder[prefix] = isWanted
            return isWanted
        }
    }

    /// The other nodes, if this one is in a cluster.
    var peers: PeerLink? { state.withLock { $0.peers } }

    func insert(_ subscriber: Subscriber, _ pattern: SubjectPattern, queue: String?) {
        state.withLock { state in
            subscriber.begin(at: state.index.insert(pattern, queue: queue, subscriber))
            state.peers?.count(subscriber, by: 1)
            changed(&state)
        }
    }

    func remove(_ subscribers: some Sequence<Subscriber>) {
        state.withLock { state in
            for subscriber in subscribers {
                guard let entry = subscriber.end() else { continue }
                state.index.remove(entry)
                state.peers?.count(subscriber, by: -1)
            }
            changed(&state)
        }
    }

    // MARK: Other nodes

    /// Tells the peers of all subscriptions there are, and from now on of every change.
    func connect(to peers: PeerLink) {
        state.withLock { state in
            removeElsewhere(&state)
            for subscriber in state.index.subscribers { peers.count(subscriber, by: 1) }
            state.peers = peers
            changed(&state)
        }
    }

    /// Forgets the peers and what they want.
    func disconnect() {
        state.withLock { state in
            removeElsewhere(&state)
            state.peers = nil
            changed(&state)
        }
    }

    /// Changes what another node wants.
    func change(_ node: String, adding added: [SubscribedPattern], removing removed: [SubscribedPattern]) {
        state.withLock { state in
            guard let peers = state.peers else { return }
            for wanted in removed {
                guard let subscriber = state.elsewhere[node]?.removeValue(forKey: wanted) else { continue }
                removeElsewhere(subscriber, &state)
            }
            for wanted in added where state.elsewhere[node]?[wanted] == nil {
                let subscriber = Subscriber(peers, of: node, wanted)
                subscriber.begin(at: state.index.insert(wanted.pattern, queue: wanted.queue, subscriber))
                state.elsewhere[node, default: [:]][wanted] = subscriber
                state.elsewhereCount += 1
            }
            if state.elsewhere[node]?.isEmpty == true { state.elsewhere[node] = nil }
            changed(&state)
        }
    }

    private func removeElsewhere(_ state: inout State) {
        for subscriber in state.elsewhere.values.flatMap(\.values) { removeElsewhere(subscriber, &state) }
        state.elsewhere = [:]
    }

    private func removeElsewhere(_ subscriber: Subscriber, _ state: inout State) {
        if let entry = subscriber.end() { state.index.remove(entry) }
        state.elsewhereCount -= 1
    }

    /// Makes everybody who keeps a route work it out anew, since who may get what has changed.
    func invalidateRoutes() {
        state.withLock { changed(&$0) }
    }

    private func changed(_ state: inout State) {
        if !state.routes.isEmpty { state.routes.removeAll(keepingCapacity: state.routes.count < 64) }
        if !state.isWantedUnder.isEmpty { state.isWantedUnder.removeAll(keepingCapacity: true) }
        state.lastRoute = nil
        currentGeneration.wrappingAdd(1, ordering: .releasing)
    }

    /// Who wants the subject, and the generation this is true in.
    func route(for subject: borrowing Span<UInt8>) -> SubjectRoute {
        state.withLock { state in
            state.index.match(subject, into: &state.matches)
            if let last = state.lastRoute, state.lastMatches == state.matches { return last }
            let route = state.routes[state.matches] ?? make(&state)
            state.lastMatches = state.matches
            state.lastRoute = route
            return route
        }
    }

    private func make(_ state: inout State) -> SubjectRoute {
        let wanted = state.index.route(of: state.matches)
        let generation = currentGeneration.load(ordering: .relaxed)
        let route = SubjectRoute(to: wanted.plain, wanted.groups, generation: generation)
        if state.routes.count >= Self.mostRoutes { state.routes.removeAll() }
        state.routes[state.matches] = route
        return route
    }
}
