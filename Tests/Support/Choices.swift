/// Every way through a program that asks it for its decisions, one after the other.
package struct Choices {
    private var path: [Int] = []
    private var sizes: [Int] = []
    private var depth = 0

    package init() {}

    /// A number below `count`.
    package mutating func choose(_ count: Int) -> Int {
        if depth == path.count {
            path.append(0)
            sizes.append(count)
        }
        defer { depth += 1 }
        return path[depth]
    }

    /// Goes on to the next way; false when all were taken.
    package mutating func next() -> Bool {
        depth = 0
        while let last = path.popLast(), let size = sizes.popLast() {
            guard last + 1 < size else { continue }
            path.append(last + 1)
            sizes.append(size)
            return true
        }
        return false
    }
}

/// Makes decisions: all ways one after the other, or random ones.
package protocol Deciding {
    mutating func choose(_ count: Int) -> Int
}

extension Choices: Deciding {}

extension SeededGenerator: Deciding {
    package mutating func choose(_ count: Int) -> Int { Int.random(in: 0..<count, using: &self) }
}
