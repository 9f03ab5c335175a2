import RivuletBroker
import RivuletSubscriptions

/// The patterns that a node's subscribers have, and those it tells the others: the same up to a bound, and with more the first tokens of
/// them, which stand for more than is wanted and never for less.
struct PatternSummary {
    private static let depths = [3, 2, 1, 0]

    private let bound: Int
    /// How many have each pattern.
    private var counts: [SubscribedPattern: Int] = [:]
    /// How many tokens are told; nil for all.
    private var depth: Int?
    /// How many patterns each of the coarser ones stands for, while those are told.
    private var coarse: [SubscribedPattern: Int] = [:]
    private var told: Set<SubscribedPattern> = []
    /// What may have to be told.
    private var touched: Set<SubscribedPattern> = []

    init(bound: Int) {
        self.bound = max(1, bound)
    }

    /// All that is told, after the last ``takeChanges()``.
    var all: Set<SubscribedPattern> { told }

    mutating func change(_ wanted: SubscribedPattern, by change: Int) {
        let before = counts[wanted] ?? 0
        let after = before + change
        counts[wanted] = after == 0 ? nil : after
        guard (before > 0) != (after > 0) else { return }
        guard let depth else {
            touched.insert(wanted)
            if counts.count > bound { coarsen() }
            return
        }
        let key = Self.coarser(wanted, depth)
        let uses = (coarse[key] ?? 0) + (after > 0 ? 1 : -1)
        coarse[key] = uses == 0 ? nil : uses
        touched.insert(key)
        if coarse.count > bound, depth > 0 {
            coarsen()
        } else if counts.count <= bound / 2 {
            refine()
        }
    }

    /// What is to be told more and less than before.
    mutating func takeChanges() -> (added: [SubscribedPattern], removed: [SubscribedPattern]) {
        var added: [SubscribedPattern] = []
        var removed: [SubscribedPattern] = []
        for pattern in touched {
            switch (isWanted(pattern), told.contains(pattern)) {
            case (true, false):
                added.append(pattern)
                told.insert(pattern)
            case (false, true):
                removed.append(pattern)
                told.remove(pattern)
            default: break
            }
        }
        touched = []
        return (added, removed)
    }

    private func isWanted(_ pattern: SubscribedPattern) -> Bool {
        (depth == nil ? counts[pattern] : coarse[pattern]) ?? 0 > 0
    }

    /// Tells as many tokens as there is room for.
    private mutating func coarsen() {
        for depth in Self.depths where depth < self.depth ?? .max {
            self.depth = depth
            coarse = [:]
            for pattern in counts.keys { coarse[Self.coarser(pattern, depth), default: 0] += 1 }
            if coarse.count <= bound { break }
        }
        touched.formUnion(told)
        touched.formUnion(coarse.keys)
    }

    private mutating func refine() {
        depth = nil
        coarse = [:]
        touched.formUnion(told)
        touched.formUnion(counts.keys)
    }

    private static func coarser(_ wanted: SubscribedPattern, _ depth: Int) -> SubscribedPattern {
        let tokens = wanted.pattern.tokens
        guard tokens.count > depth else { return wanted }
        guard let pattern = try? SubjectPattern((tokens.prefix(depth) + [">"]).joined(separator: ".")) else { return wanted }
        return SubscribedPattern(pattern, queue: wanted.queue)
    }
}
