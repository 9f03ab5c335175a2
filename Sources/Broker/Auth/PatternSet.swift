import RivuletSubscriptions

/// The subjects that any of some patterns match.
struct PatternSet: Sendable {
    private enum Token: Sendable, Equatable {
        case literal([UInt8])
        case one
        case rest

        init(_ bytes: some Collection<UInt8>) {
            if bytes.elementsEqual(CollectionOfOne(UInt8(ascii: "*"))) {
                self = .one
            } else if bytes.elementsEqual(CollectionOfOne(UInt8(ascii: ">"))) {
                self = .rest
            } else {
                self = .literal(Array(bytes))
            }
        }
    }

    private let patterns: [[Token]]

    init(_ patterns: [SubjectPattern]) {
        self.patterns = patterns.map { Self.tokens(of: $0.utf8) }
    }

    /// Whether one of the patterns stands for all that `pattern` stands for.
    func covers(_ pattern: some Collection<UInt8>) -> Bool {
        guard !patterns.isEmpty else { return false }
        let tokens = Self.tokens(of: pattern)
        return patterns.contains { Self.covers($0, tokens) }
    }

    /// Whether one of the patterns matches this one subject, in which wildcards stand for themselves.
    func matches(_ subject: some Collection<UInt8>) -> Bool {
        guard !patterns.isEmpty else { return false }
        let tokens = Self.split(subject).map { Token.literal(Array($0)) }
        return !tokens.contains(.literal([])) && patterns.contains { Self.covers($0, tokens) }
    }

    private static func tokens(of pattern: some Collection<UInt8>) -> [Token] {
        split(pattern).map { Token($0) }
    }

    private static func split<Bytes: Collection<UInt8>>(_ subject: Bytes) -> [Bytes.SubSequence] {
        subject.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    }

    private static func covers(_ pattern: [Token], _ tokens: [Token]) -> Bool {
        for (index, token) in pattern.enumerated() {
            guard tokens.indices.contains(index) else { return false }
            switch token {
            case .rest: return true
            case .one: if tokens[index] == .rest { return false }
            case .literal: if tokens[index] != token { return false }
            }
        }
        return pattern.count == tokens.count
    }
}
