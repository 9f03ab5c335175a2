/// The shape of an interest index: a trie over the tokens of patterns. Nodes are numbers; what stands at them is their owner's matter.
///
/// Not generic, so that matching is compiled once and for all of its users, and allocates nothing.
struct SubjectTrie: Sendable {
    static let root = 0

    private enum Edge {
        case literal(TokenTable.ID)
        case one
        case rest
    }

    private struct Node {
        var parent: Int
        var edge: Edge
        var literals: [TokenTable.ID: Int] = [:]
        var one: Int?
        var rest: Int?
    }

    private var tokens = TokenTable()
    private var nodes: [Node] = [Node(parent: 0, edge: .rest)]
    private var free: [Int] = []

    /// Numbers of nodes are below this.
    var bound: Int { nodes.count }

    /// The node a pattern ends at; made if there is none.
    mutating func node(for pattern: some Collection<UInt8>) -> Int {
        var node = Self.root
        for token in pattern.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false) { node = child(of: node, for: token) }
        return node
    }

    /// Appends the nodes whose patterns match the subject.
    func match(_ subject: borrowing Span<UInt8>, into found: inout [Int]) {
        match(subject, from: 0, at: Self.root, into: &found)
    }

    private func match(_ subject: borrowing Span<UInt8>, from start: Int, at node: Int, into found: inout [Int]) {
        if let rest = nodes[node].rest { found.append(rest) }
        var end = start
        while end < subject.count, subject[end] != UInt8(ascii: ".") { end += 1 }
        if !nodes[node].literals.isEmpty, let id = tokens.find(subject.extracting(start..<end)), let next = nodes[node].literals[id] {
            go(to: next, subject, after: end, into: &found)
        }
        if let next = nodes[node].one { go(to: next, subject, after: end, into: &found) }
    }

    private func go(to node: Int, _ subject: borrowing Span<UInt8>, after end: Int, into found: inout [Int]) {
        if end < subject.count {
            match(subject, from: end + 1, at: node, into: &found)
        } else {
            found.append(node)
        }
    }

    /// Whether one of the nodes is meant whose patterns match subjects that begin with these tokens and go on.
    func contains(under prefix: ArraySlice<[UInt8]>, at node: Int = root, where isMeant: (Int) -> Bool) -> Bool {
        if let rest = nodes[node].rest, isMeant(rest) { return true }
        guard let token = prefix.first else {
            let others = nodes[node].literals.values + (nodes[node].one.map { [$0] } ?? [])
            return others.contains { isMeant($0) || contains(under: [], at: $0, where: isMeant) }
        }
        if !nodes[node].literals.isEmpty, let id = tokens.find(token.span), let next = nodes[node].literals[id],
            contains(under: prefix.dropFirst(), at: next, where: isMeant)
        {
            return true
        }
        return nodes[node].one.map { contains(under: prefix.dropFirst(), at: $0, where: isMeant) } ?? false
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
        let bytes = Array(token)
        if let id = tokens.find(bytes.span), let literal = nodes[node].literals[id] { return literal }
        let id = tokens.use(bytes)
        let made = make(Node(parent: node, edge: .literal(id)))
        nodes[node].literals[id] = made
        return made
    }

    private mutating func make(_ node: Node) -> Int {
        if let reused = free.popLast() {
            nodes[reused] = node
            return reused
        }
        nodes.append(node)
        return nodes.count - 1
    }

    /// Takes away nodes that nothing needs, from `start` towards the root, where `isUsed` does not forbid it.
    mutating func prune(_ start: Int, isUsed: (Int) -> Bool) {
        var node = start
        while node != Self.root, nodes[node].literals.isEmpty, nodes[node].one == nil, nodes[node].rest == nil, !isUsed(node) {
            let parent = nodes[node].parent
            switch nodes[node].edge {
            case .one: nodes[parent].one = nil
            case .rest: nodes[parent].rest = nil
            case .literal(let id):
                nodes[parent].literals[id] = nil
                tokens.release(id)
            }
            free.append(node)
            node = parent
        }
    }
}
