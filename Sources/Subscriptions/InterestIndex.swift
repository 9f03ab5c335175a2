/// Who wants which subjects: a trie over tokens, with queue groups.
///
/// A value without locks or clocks; its owner guards it. Matching allocates only its answer.
public struct InterestIndex<Subscriber: Sendable>: Sendable {
    /// Names one entry, for removing it.
    public struct Entry: Hashable, Sendable {
        fileprivate let node: Int
        fileprivate let number: UInt64
        fileprivate let queue: String?
    }

    /// Who subscribed with one pattern.
    private struct Members {
        var plain: [UInt64: Subscriber] = [:]
        var queues: [String: [UInt64: Subscriber]] = [:]

        var isEmpty: Bool { plain.isEmpty && queues.isEmpty }
    }

    private var trie = SubjectTrie()
    /// By the numbers of the trie's nodes.
    private var members: [Members] = []
    private var lastNumber: UInt64 = 0

    /// How many entries there are.
    public private(set) var count = 0

    /// An index without entries.
    public init() {}

    /// Adds a subscriber, alone or as a member of a queue group.
    public mutating func insert(_ pattern: SubjectPattern, queue: String? = nil, _ subscriber: Subscriber) -> Entry {
        let node = trie.node(for: pattern.utf8)
        while members.count < trie.bound { members.append(Members()) }
        lastNumber += 1
        if let queue {
            members[node].queues[queue, default: [:]][lastNumber] = subscriber
        } else {
            members[node].plain[lastNumber] = subscriber
        }
        count += 1
        return Entry(node: node, number: lastNumber, queue: queue)
    }

    /// Takes an entry out; one that is gone already is no error.
    public mutating func remove(_ entry: Entry) {
        guard members.indices.contains(entry.node) else { return }
        if let queue = entry.queue {
            guard members[entry.node].queues[queue]?.removeValue(forKey: entry.number) != nil else { return }
            if members[entry.node].queues[queue]?.isEmpty == true { members[entry.node].queues[queue] = nil }
        } else {
            guard members[entry.node].plain.removeValue(forKey: entry.number) != nil else { return }
        }
        count -= 1
        trie.prune(entry.node) { !members[$0].isEmpty }
    }

    /// Everyone, in no order.
    public var subscribers: [Subscriber] {
        members.flatMap { members in Array(members.plain.values) + members.queues.values.flatMap(\.values) }
    }

    /// Everyone who wants a message published to this subject.
    ///
    /// A group whose members subscribe with different patterns is one group, as in nats-server.
    public func route(for subject: some Collection<UInt8>) -> Route<Subscriber> {
        var matches: [PatternMatch] = []
        match(Array(subject).span, into: &matches)
        return route(of: matches)
    }

    /// Whether one of those is meant who want messages to subjects that begin with these tokens and go on.
    public func contains(under prefix: Subject, where isMeant: (Subscriber) -> Bool) -> Bool {
        let tokens = prefix.tokens.map { Array($0.utf8) }
        return trie.contains(under: tokens[...]) { node in
            members[node].plain.values.contains(where: isMeant)
                || members[node].queues.values.contains { $0.values.contains(where: isMeant) }
        }
    }

    /// Replaces `matches` by the patterns that match the subject. Subjects that match the same patterns have the same route, as long
    /// as the index does not change.
    public func match(_ subject: borrowing Span<UInt8>, into matches: inout [PatternMatch]) {
        matches.removeAll(keepingCapacity: true)
        trie.match(subject, into: &matches)
    }

    /// Everyone who subscribed with one of the patterns.
    public func route(of matches: [PatternMatch]) -> Route<Subscriber> {
        var route = Route<Subscriber>()
        for node in matches where members.indices.contains(node) {
            route.plain.append(contentsOf: members[node].plain.values)
            for (queue, group) in members[node].queues { route.add(group.values, to: queue) }
        }
        return route
    }
}

/// Names a pattern of an interest index that matched a subject. Not valid after the index has changed.
public typealias PatternMatch = Int

/// Who gets a message: everyone in `plain`, and one member of each group.
public struct Route<Subscriber: Sendable>: Sendable {
    /// Subscribers outside any queue group.
    public internal(set) var plain: [Subscriber] = []
    /// The members of each queue group that wants the message; never an empty group.
    public internal(set) var groups: [[Subscriber]] = []
    private var names: [String] = []

    /// A route to nobody.
    public init() {}

    /// Whether nobody wants the message.
    public var isEmpty: Bool { plain.isEmpty && groups.isEmpty }

    mutating func add(_ members: some Collection<Subscriber>, to queue: String) {
        if let index = names.firstIndex(of: queue) {
            groups[index].append(contentsOf: members)
        } else {
            names.append(queue)
            groups.append(Array(members))
        }
    }
}
