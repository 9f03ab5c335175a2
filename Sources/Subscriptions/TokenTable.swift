/// Numbers for the tokens that subscriptions name, so that matching compares integers and allocates nothing.
///
/// Tokens are counted: one that no pattern names any more gives its number back.
struct TokenTable {
    typealias ID = Int

    private struct Entry {
        var bytes: [UInt8]
        var hash: Int
        var uses: Int
        /// The next entry with the same hash.
        var next: ID?
    }

    private var entries: [Entry] = []
    private var free: [ID] = []
    private var heads: [Int: ID] = [:]

    /// The number of a token some pattern names, or nil.
    func find(_ token: borrowing Span<UInt8>) -> ID? {
        find(token, hash: Self.hash(token))
    }

    /// The number of a token, made if it is new; one use is added.
    mutating func use(_ token: [UInt8]) -> ID {
        let hash = Self.hash(token.span)
        if let id = find(token.span, hash: hash) {
            entries[id].uses += 1
            return id
        }
        let entry = Entry(bytes: token, hash: hash, uses: 1, next: heads[hash])
        let id: ID
        if let reused = free.popLast() {
            entries[reused] = entry
            id = reused
        } else {
            id = entries.count
            entries.append(entry)
        }
        heads[hash] = id
        return id
    }

    /// Takes one use back.
    mutating func release(_ id: ID) {
        entries[id].uses -= 1
        guard entries[id].uses == 0 else { return }
        let entry = entries[id]
        if heads[entry.hash] == id {
            heads[entry.hash] = entry.next
        } else {
            var cursor = heads[entry.hash]
            while let current = cursor {
                if entries[current].next == id { entries[current].next = entry.next }
                cursor = entries[current].next
            }
        }
        entries[id].bytes = []
        free.append(id)
    }

    private func find(_ token: borrowing Span<UInt8>, hash: Int) -> ID? {
        var cursor = heads[hash]
        while let id = cursor {
            if Self.areEqual(entries[id].bytes, token) { return id }
            cursor = entries[id].next
        }
        return nil
    }

    private static func areEqual(_ left: [UInt8], _ right: borrowing Span<UInt8>) -> Bool {
        guard left.count == right.count else { return false }
        var index = 0
        while index < left.count, left[index] == right[index] { index += 1 }
        return index == left.count
    }

    /// Seeded per process by the standard library, so that peers cannot aim for collisions.
    private static func hash(_ token: borrowing Span<UInt8>) -> Int {
        var hasher = Hasher()
        token.withUnsafeBytes { hasher.combine(bytes: $0) }
        return hasher.finalize()
    }
}
