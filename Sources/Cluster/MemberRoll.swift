public import RivuletBackbone

/// The other nodes as they were when the store was last asked for them, and what has become of them since it was asked before.
public struct MemberRoll: Sendable {
    private struct Entry {
        let node: NodeDescription
        let isSuspected: Bool
        /// Its lease cannot have ended before, by this node's clock.
        let end: Duration
    }

    /// How often each change was seen.
    public private(set) var counts: [MemberChange.Kind: Int] = [:]
    private var entries: [Entry] = []

    /// A roll that knows of nobody.
    public init() {}

    /// The nodes, by name.
    public var nodes: [NodeDescription] { entries.map(\.node) }

    /// Takes the members down.
    ///
    /// A node that went before its lease can have ended has left. Of one that went while nobody looked for longer than that, nobody can
    /// tell: it counts as dead.
    ///
    /// - Parameters:
    ///   - members: The other nodes, by name.
    ///   - asked: When the store was asked for them, by this node's monotonic clock.
    ///   - answered: When it had answered.
    /// - Returns: Those that went first, then the others.
    public mutating func see(_ members: [ClusterMember], asked: Duration, answered: Duration) -> [MemberChange] {
        let present = Set(members.map(\.node.name))
        var changes = entries.filter { !present.contains($0.node.name) }.map {
            MemberChange(answered < $0.end ? .left : .died, $0.node)
        }
        let known = Dictionary(entries.map { ($0.node.name, $0) }) { first, _ in first }
        entries = members.map { member in
            let before = known[member.node.name]
            let (wasSuspected, isSuspected) = (before?.isSuspected ?? false, member.isSuspected)
            if before == nil { changes.append(MemberChange(.joined, member.node)) }
            if isSuspected != wasSuspected { changes.append(MemberChange(isSuspected ? .suspected : .recovered, member.node)) }
            return Entry(node: member.node, isSuspected: isSuspected, end: asked + member.remaining)
        }
        for change in changes { counts[change.kind, default: 0] += 1 }
        return changes
    }
}

extension ClusterMember {
    /// It gives three signs of life in a lease's time: one is missing, and half of the time to the next has passed.
    var isSuspected: Bool { silence > timeToLive / 2 }
}
