public import RivuletObjects

/// The kinds that a node's program has, and which of them the node hosts: those that want no label, or one that it has.
public struct HostedKinds: Sendable {
    /// The types of those that it hosts.
    public let types: [any ServiceObject.Type]
    /// Their names.
    public let names: Set<String>
    private let placements: [String: Placement]

    /// The kinds of a program.
    ///
    /// - Parameter labels: Those of the node; nil for one that is in no cluster, where they do not matter.
    public init(of program: [any ServiceObject.Type], labels: Set<String>? = []) {
        types = program.filter { type in labels.flatMap { labels in type.configuration.label.map(labels.contains) } ?? true }
        names = Set(types.map { $0.kind })
        placements = Dictionary(program.map { ($0.kind, $0.configuration.placement) }) { first, _ in first }
    }

    /// All names that the program has.
    var known: Set<String> { Set(placements.keys) }

    /// How objects of the kind are placed. Of what the program does not know, only others can tell, and they all can have it.
    func placement(of kind: String) -> Placement { placements[kind] ?? .leastLoaded }
}
