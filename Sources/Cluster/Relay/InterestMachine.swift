import RivuletBroker
import RivuletSubscriptions

/// What the nodes of a cluster know of each other's subscriptions, as a value: what happens goes in, what is to be done comes out.
///
/// Each node numbers its announcements. Who misses one asks for all, and learns from the number that each node tells now and then that it
/// has missed the last one. So announcements may be lost, and may come late and twice.
struct InterestMachine {
    enum Event: Sendable {
        /// Subscriptions of this node have come or gone.
        case changed(SubscribedPattern, by: Int)
        /// From now on announcements are heard; some may have been missed before.
        case listening
        case received(Announcement)
        /// These nodes there are, perhaps this one among them. Comes now and then.
        case members([String])
        /// Nobody can be relied on to have got it.
        case unsent(Announcement)
    }

    /// A change of what another node wants.
    struct Action: Equatable {
        var node: String
        var added: [SubscribedPattern] = []
        var removed: [SubscribedPattern] = []
    }

    private struct Other {
        var version: UInt64 = 0
        var wanted: Set<SubscribedPattern> = []
        /// Whether nothing is known to be missing.
        var isComplete = false
        /// Whether it has told anything since it was last looked which nodes there are.
        var wasHeard = true
    }

    private let node: String
    private var patterns: PatternSummary
    private var queuePatterns: PatternSummary
    private var version: UInt64 = 0
    private var others: [String: Other] = [:]
    private var members: Set<String>?
    private var isListening = false

    private var owesHello = false
    private var owesAll = false
    private var owesVersion = false
    private var toAsk: Set<String> = []

    init(_ node: String, patterns: Int, queuePatterns: Int) {
        self.node = node
        self.patterns = PatternSummary(bound: patterns)
        self.queuePatterns = PatternSummary(bound: queuePatterns)
    }

    /// Whether all that the other nodes want is known.
    var isReady: Bool {
        guard isListening, let members else { return false }
        return members.allSatisfy { $0 == node || others[$0]?.isComplete == true }
    }

    /// What each of the other nodes wants.
    var wantedElsewhere: [String: Set<SubscribedPattern>] { others.mapValues(\.wanted) }

    mutating func handle(_ event: Event) -> [Action] {
        switch event {
        case .changed(let wanted, let change):
            if wanted.queue == nil { patterns.change(wanted, by: change) } else { queuePatterns.change(wanted, by: change) }
            return []
        case .listening:
            isListening = true
            owesHello = true
            for name in others.keys { others[name]?.isComplete = false }
            return []
        case .received(let announcement): return announcement.node == node ? [] : receive(announcement)
        case .members(let names): return look(at: Set(names))
        case .unsent(let announcement):
            switch announcement.kind {
            case .hello: owesHello = true
            case .whole, .change: owesAll = true
            case .alive, .ask, .bye: break
            }
            return []
        }
    }

    /// What is to be told now.
    mutating func takeAnnouncements() -> [Announcement] {
        guard isListening else { return [] }
        var announcements = takeOwn().map { [$0] } ?? []
        announcements += toAsk.sorted().map { Announcement(kind: .ask, node: node, target: $0) }
        toAsk = []
        return announcements
    }

    private mutating func takeOwn() -> Announcement? {
        let plain = patterns.takeChanges()
        let queue = queuePatterns.takeChanges()
        let (added, removed) = (plain.added + queue.added, plain.removed + queue.removed)
        let hasChanged = !added.isEmpty || !removed.isEmpty
        if hasChanged { version += 1 }
        defer { (owesHello, owesAll, owesVersion) = (false, false, false) }
        if owesHello || owesAll {
            let all = patterns.all.union(queuePatterns.all).map { AnnouncedPattern($0) }
            return Announcement(kind: owesHello ? .hello : .whole, node: node, version: version, added: all)
        }
        if hasChanged {
            return Announcement(
                kind: .change, node: node, version: version, added: added.map { AnnouncedPattern($0) },
                removed: removed.map { AnnouncedPattern($0) })
        }
        return owesVersion ? Announcement(kind: .alive, node: node, version: version) : nil
    }

    // MARK: - The others

    private mutating func receive(_ announcement: Announcement) -> [Action] {
        let name = announcement.node
        if announcement.kind == .bye {
            toAsk.remove(name)
            return forget(name)
        }
        if announcement.kind == .ask {
            if announcement.target == node { owesAll = true }
            return []
        }
        var other = others[name] ?? Other()
        let isNew = others[name] == nil
        other.wasHeard = true
        defer { others[name] = other }
        switch announcement.kind {
        case .hello, .whole:
            if announcement.kind == .hello { owesAll = true }
            // One that is late.
            guard isNew || announcement.version >= other.version else { return [] }
            let all = Set(announcement.added.map(\.wanted))
            let action = Action(node: name, added: Array(all.subtracting(other.wanted)), removed: Array(other.wanted.subtracting(all)))
            other.wanted = all
            other.version = announcement.version
            other.isComplete = true
            return action.isEmpty ? [] : [action]
        case .change where other.isComplete && announcement.version == other.version + 1:
            let removed = announcement.removed.map(\.wanted).filter { other.wanted.remove($0) != nil }
            let added = announcement.added.map(\.wanted).filter { other.wanted.insert($0).inserted }
            other.version = announcement.version
            return [Action(node: name, added: added, removed: removed)]
        case .change, .alive:
            if isNew || other.isComplete && announcement.version > other.version {
                other.isComplete = false
                toAsk.insert(name)
            }
            return []
        case .ask, .bye: return []
        }
    }

    private mutating func look(at names: Set<String>) -> [Action] {
        members = names
        owesVersion = true
        var actions: [Action] = []
        for (name, other) in others {
            if !names.contains(name), !other.wasHeard { actions += forget(name) }
            others[name]?.wasHeard = false
        }
        for name in names where name != node && others[name]?.isComplete != true { toAsk.insert(name) }
        // Those who are heard without being members, such as before they have joined.
        for (name, other) in others where !other.isComplete { toAsk.insert(name) }
        return actions
    }

    private mutating func forget(_ name: String) -> [Action] {
        guard let other = others.removeValue(forKey: name), !other.wanted.isEmpty else { return [] }
        return [Action(node: name, removed: Array(other.wanted))]
    }
}

extension InterestMachine.Action {
    fileprivate var isEmpty: Bool { added.isEmpty && removed.isEmpty }
}
