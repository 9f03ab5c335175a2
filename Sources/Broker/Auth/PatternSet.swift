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

    /// Whether one of the patterns stands for all that `subject` stands for, which may be a pattern as well.
    func covers(_ subject: some Collection<UInt8>) -> Bool {
        guard !patterns.isEmpty else { return false }
        let tokens = Self.tokens(of: subject)
        return patterns.contains { Self.covers($0, tokens) }
    }

    private static func tokens(of subject: some Collection<UInt8>) -> [Token] {
        subject.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).map { Token($0) }
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
