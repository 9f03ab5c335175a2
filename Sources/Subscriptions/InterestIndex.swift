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

    private enum Edge {
        case literal(TokenTable.ID)
        case one
        case rest
    }

    private struct Node {
        var parent: Int
        var edge: Edge
        var literals: [TokenTable.ID: Int] = [:]
        var one: Int? = nil
        var rest: Int? = nil
        var plain: [UInt64: Subscriber] = [:]
        var queues: [String: [UInt64: Subscriber]] = [:]

        var isUnused: Bool {
            literals.isEmpty && one == nil && rest == nil && plain.isEmpty && queues.isEmpty
        }
    }

    private var tokens = TokenTable()
    private var nodes: [Node] = [Node(parent: 0, edge: .rest)]
    private var freeNodes: [Int] = []
    private var lastNumber: UInt64 = 0

    /// How many entries there are.
    public private(set) var count = 0

    /// An index without entries.
    public init() {}

    /// Adds a subscriber, alone or as a member of a queue group.
    public mutating func insert(_ pattern: SubjectPattern, queue: String? = nil, _ subscriber: Subscriber) -> Entry {
        var node = 0
        for token in pattern.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false) {
            node = child(of: node, for: token)
        }
        lastNumber += 1
        if let queue {
            nodes[node].queues[queue, default: [:]][lastNumber] = subscriber
        } else {
            nodes[node].plain[lastNumber] = subscriber
        }
        count += 1
        return Entry(node: node, number: lastNumber, queue: queue)
    }

    /// Takes an entry out; one that is gone already is no error.
    public mutating func remove(_ entry: Entry) {
        guard nodes.indices.contains(entry.node) else { return }
        if let queue = entry.queue {
            guard nodes[entry.node].queues[queue]?.removeValue(forKey: entry.number) != nil else { return }
            if nodes[entry.node].queues[queue]?.isEmpty == true { nodes[entry.node].queues[queue] = nil }
        } else {
            guard nodes[entry.node].plain.removeValue(forKey: entry.number) != nil else { return }
        }
        count -= 1
        prune(entry.node)
    }

    /// Everyone who wants a message published to this subject.
    ///
    /// A group whose members subscribe with different patterns is one group, as in nats-server.
    public func route(for subject: some Collection<UInt8>) -> Route<Subscriber> {
        var route = Route<Subscriber>()
        collect(subject[...], at: 0, into: &route)
        return route
    }

    private func collect(_ remaining: some Collection<UInt8>, at node: Int, into route: inout Route<Subscriber>) {
        if let rest = nodes[node].rest { add(rest, to: &route) }
        let end = remaining.firstIndex(of: UInt8(ascii: "."))
        let token = remaining[..<(end ?? remaining.endIndex)]
        let literal = tokens.find(token).flatMap { nodes[node].literals[$0] }
        for next in [literal, nodes[node].one] {
            guard let next else { continue }
            if let end {
                collect(remaining[remaining.index(after: end)...], at: next, into: &route)
            } else {
                add(next, to: &route)
            }
        }
    }

    private func add(_ node: Int, to route: inout Route<Subscriber>) {
        route.plain.append(contentsOf: nodes[node].plain.values)
        for (queue, members) in nodes[node].queues { route.add(members.values, to: queue) }
    }

    private mutating func child(of node: Int, for token: some Collection<UInt8>) -> Int {
        if token.elementsEqual(CollectionOfOne(UInt8(ascii: "*"))) {
            if let one = nodes[node].one { return one }
            let made = make(Node(parent: node, edge: .one))
            nodes[node].one = made
            return made
        }
        if token.elementsEqual(CollectionOfOne(UInt8(ascii: ">"))) {
            if let rest = nodes[node].rest { return rest }
            let made = make(Node(parent: node, edge: .rest))
            nodes[node].rest = made
            return made
        }
        if let id = tokens.find(token), let literal = nodes[node].literals[id] { return literal }
        let id = tokens.use(token)
        let made = make(Node(parent: node, edge: .literal(id)))
        nodes[node].literals[id] = made
        return made
    }

    private mutating func make(_ node: Node) -> Int {
        if let reused = freeNodes.popLast() {
            nodes[reused] = node
            return reused
        }
        nodes.append(node)
        return nodes.count - 1
    }

    private mutating func prune(_ start: Int) {
        var node = start
        while node != 0, nodes[node].isUnused {
            let parent = nodes[node].parent
            switch nodes[node].edge {
            case .one: nodes[parent].one = nil
            case .rest: nodes[parent].rest = nil
            case .literal(let id):
                nodes[parent].literals[id] = nil
                tokens.release(id)
            }
            freeNodes.append(node)
            node = parent
        }
    }
}

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
