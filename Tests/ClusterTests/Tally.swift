import RivuletObjects

struct Increase: Message { typealias Reply = Int }
struct Remember: Message {
    typealias Reply = Int
    var number: Int
}
struct Remembered: Message { typealias Reply = [Int] }
struct Refuse: Message {
    typealias Reply = Int
    static let errors: [any ServiceError.Type] = [NoMore.self]
}
struct Retire: Message { typealias Reply = Int }
struct NoMore: ServiceError, Equatable { var limit: Int }
struct Increased: Event { var total: Int }

/// Counts, and remembers numbers in their order.
struct Tally: ServiceObject {
    struct State: Codable, Sendable {
        var total = 0
        var numbers: [Int] = []
    }
    var state = State()

    static var handlers: Handlers<Self> {
        Handle(Increase.self) { object, _, turn in
            object.state.total += 1
            turn.publish(Increased(total: object.state.total))
            return object.state.total
        }
        Handle(Remember.self) { object, message, _ in
            object.state.numbers.append(message.number)
            return 0
        }
        Query(Remembered.self) { object, _, _ in object.state.numbers }
        Handle(Refuse.self) { _, _, _ in throw NoMore(limit: 3) }
        Handle(Retire.self) { _, _, turn in
            turn.deactivate()
            return 0
        }
    }
}
