/// What is known of the addresses that answers have named: where there is a connection, where one is being made, and which to leave
/// alone. Bounded, whatever answers say. Knows no connection and no clock.
struct OwnerAddresses: Sendable {
    enum Sighting: Hashable, Sendable {
        case connected(Int)
        /// A connection may be made; until ``connected(_:)`` or ``ended(_:avoidedUntil:)`` it counts as being made.
        case fresh
        case unusable
    }

    private enum Standing {
        case connecting
        case connected(Int)
        case avoided(until: Duration)
    }

    private var standings: [String: Standing] = [:]
    private var inUse = 0
    private var lastNumber = 0
    private let connections: Int
    private let avoided = 64

    init(connections: Int) {
        self.connections = connections
    }

    mutating func see(_ address: String, now: Duration) -> Sighting {
        switch standings[address] {
        case .connected(let number): return .connected(number)
        case .connecting: return .unusable
        case .avoided(let end) where end > now: return .unusable
        case .avoided, nil: break
        }
        guard inUse < connections else { return .unusable }
        if standings.count >= connections + avoided { forget(before: now) }
        guard standings[address] != nil || standings.count < connections + avoided else { return .unusable }
        standings[address] = .connecting
        inUse += 1
        return .fresh
    }

    /// There is a connection now, which gets this number.
    mutating func connected(_ address: String) -> Int {
        lastNumber += 1
        standings[address] = .connected(lastNumber)
        return lastNumber
    }

    /// There is no connection any more, or none came about.
    mutating func ended(_ address: String, avoidedUntil end: Duration?) {
        standings[address] = end.map { .avoided(until: $0) }
        inUse -= 1
    }

    private mutating func forget(before now: Duration) {
        standings = standings.filter { if case .avoided(let end) = $0.value { end > now } else { true } }
    }
}
