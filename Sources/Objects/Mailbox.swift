import DequeModule

/// The FIFO of one activation. Calls from outside are bounded; what the object scheduled for itself, and its end, always fit.
struct Mailbox: Sendable {
    private var letters: Deque<Letter> = []
    private var calls = 0
    private let capacity: Int

    init(capacity: Int) {
        self.capacity = max(1, capacity)
    }

    var isEmpty: Bool { letters.isEmpty }

    /// False when there is no room.
    mutating func append(call delivery: Delivery, _ payload: [UInt8]) -> Bool {
        guard calls < capacity else { return false }
        calls += 1
        letters.append(.delivery(delivery, payload: payload))
        return true
    }

    mutating func append(schedule delivery: Delivery, _ payload: [UInt8]) {
        calls += 1
        letters.append(.delivery(delivery, payload: payload))
    }

    /// The end comes before what waits: that goes to the next activation.
    mutating func appendDeactivation(afterOthers: Bool) {
        if afterOthers { letters.append(.deactivate) } else { letters.prepend(.deactivate) }
    }

    /// All calls; what else there is stays.
    mutating func takeDeliveries() -> [Delivery] {
        let deliveries = letters.compactMap { if case .delivery(let delivery, _) = $0 { delivery } else { nil } }
        letters.removeAll { if case .delivery = $0 { true } else { false } }
        calls = 0
        return deliveries
    }

    mutating func next() -> Letter? {
        let letter = letters.popFirst()
        if case .delivery = letter { calls -= 1 }
        return letter
    }

    /// Makes it the next again.
    mutating func putBack(_ letter: Letter) {
        if case .delivery = letter { calls += 1 }
        letters.prepend(letter)
    }
}
