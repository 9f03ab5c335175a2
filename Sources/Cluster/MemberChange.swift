public import RivuletBackbone

/// What has become of another node.
public struct MemberChange: Sendable, Hashable {
    /// Which change it is.
    public enum Kind: String, Sendable, CaseIterable {
        /// It is a member, and was none.
        case joined
        /// It gave no sign of life for half its lease, which has not ended yet.
        case suspected
        /// It was suspected, and has given a sign of life.
        case recovered
        /// It gave its lease up.
        case left
        /// Its lease has ended.
        case died
    }

    /// The node, as it was last heard of.
    public var node: NodeDescription
    /// What became of it.
    public var kind: Kind

    /// A change.
    public init(_ kind: Kind, _ node: NodeDescription) {
        self.node = node
        self.kind = kind
    }

    /// Whether it is no member any more.
    public var isGone: Bool { kind == .left || kind == .died }
}
