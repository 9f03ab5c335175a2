import BenchKinds
import CAllocations
import Rivulet

/// A node that counts how often it asks for memory, and tells when `obj.Meter.0.Read` is called.
@main struct BudgetServer: NodeCommand {
    static let objects: [any ServiceObject.Type] = [Counter.self, Ticker.self, Meter.self]
}

struct Read: Message {
    typealias Reply = UInt64
}

struct Meter: ServiceObject {
    struct State: Codable, Sendable {}
    static let configuration = ObjectConfiguration(persistence: .none)
    var state = State()

    static var handlers: Handlers<Self> {
        Query(Read.self) { _, _, _ in allocations() }
    }
}
