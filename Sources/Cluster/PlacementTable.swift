public import RivuletBackbone
public import RivuletObjects

/// The nodes as they were last heard of, and the choice of one for an object that none has.
public struct PlacementTable: Sendable {
    /// The kinds that nodes host, or have hosted since this table was made.
    public private(set) var kinds: Set<String>
    private var others: [NodeDescription] = []
    /// How many objects were sent to nodes since they were last heard of. Without it, all would go to one that told of few.
    private var sent: [String: Int] = [:]
    /// Those that are suspected to be dead, or did not take messages since they were last heard of.
    private var avoided: Set<String> = []

    /// A table that knows of no nodes.
    ///
    /// - Parameter kinds: Those that some node may host.
    public init(kinds: Set<String> = []) {
        self.kinds = kinds
    }

    /// The other nodes are these, and are so.
    ///
    /// - Parameter suspected: The names of those that may be dead: they get objects only if no other can have them.
    public mutating func see(_ others: [NodeDescription], suspected: Set<String> = []) {
        self.others = others
        sent = [:]
        avoided = suspected
        for other in others { kinds.formUnion(other.status.kinds) }
    }

    /// An object was sent to the node, which it did not count yet when it was heard of.
    public mutating func noteSent(to node: String) {
        sent[node, default: 0] += 1
    }

    /// The node cannot be reached or takes nothing more, though it was not told yet: it gets objects only if no other can have them.
    public mutating func avoid(_ node: String) {
        avoided.insert(node)
    }

    /// The node is gone.
    public mutating func forget(_ node: String) {
        others.removeAll { $0.name == node }
    }

    /// The name of the node that is to get an object.
    ///
    /// - Parameter own: The node that chooses. When it is about to leave, it takes only what nobody else can have.
    /// - Returns: Nil when no node that could have the object is known.
    public func choose(
        for kind: String, by placement: Placement, at own: NodeDescription, using generator: inout some RandomNumberGenerator
    ) -> String? {
        let isHere = own.status.kinds.contains(kind)
        if placement == .preferLocal, isHere, !own.status.isDraining { return own.name }
        let willing = ([own] + others).filter { $0.status.kinds.contains(kind) && !$0.status.isDraining }
        let fresh = willing.filter { !avoided.contains($0.name) }
        let candidates = fresh.isEmpty ? willing : fresh
        guard let first = candidates.randomElement(using: &generator) else { return isHere ? own.name : nil }
        guard placement != .random, candidates.count > 1 else { return first.name }
        return lessLoaded(first, than: candidates, using: &generator).name
    }

    /// The less loaded of two is enough: the fullest of n nodes is then hardly fuller than the others, where with one choice it would be
    /// by far (Mitzenmacher, The Power of Two Choices in Randomized Load Balancing, 2001). The least loaded of all would be worse: every
    /// node would send to the same one, for none knows of what the others send until they hear of it.
    private func lessLoaded(
        _ first: NodeDescription, than all: [NodeDescription], using generator: inout some RandomNumberGenerator
    ) -> NodeDescription {
        guard let second = all.filter({ $0.name != first.name }).randomElement(using: &generator) else { return first }
        return load(of: second) < load(of: first) ? second : first
    }

    private func load(of node: NodeDescription) -> Int {
        node.status.activeObjects.addingReportingOverflow(sent[node.name] ?? 0).partialValue
    }
}
