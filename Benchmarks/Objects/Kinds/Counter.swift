package import Rivulet

package struct Add: Message {
    package typealias Reply = Int
    var amount: Int?
}

/// Counts, and is kept nowhere.
package struct Counter: ServiceObject {
    package struct State: Codable, Sendable { var count = 0 }
    package static let configuration = ObjectConfiguration(persistence: .none)
    package var state = State()

    package init() {}

    package static var handlers: Handlers<Self> {
        Handle(Add.self) { counter, add, _ in
            counter.state.count &+= add.amount ?? 1
            return counter.state.count
        }
    }
}
