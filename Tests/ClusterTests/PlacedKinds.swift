import RivuletObjects

/// Remembers numbers, at whatever node.
struct Wanderer: ServiceObject {
    static let configuration = ObjectConfiguration(placement: .random)
    var state = Tally.State()
    static var handlers: Handlers<Self> { return rememberingHandlers }
}

/// Remembers numbers, at a node that has little to do.
struct Spread: ServiceObject {
    static let configuration = ObjectConfiguration(placement: .leastLoaded)
    var state = Tally.State()
    static var handlers: Handlers<Self> { return rememberingHandlers }
}

/// Remembers numbers, at nodes with a label.
struct Special: ServiceObject {
    static let configuration = ObjectConfiguration(label: "special")
    var state = Tally.State()
    static var handlers: Handlers<Self> { return rememberingHandlers }
}

extension ServiceObject where State == Tally.State {
    @HandlersBuilder<Self> static var rememberingHandlers: Handlers<Self> {
        Handle(Increase.self) { object, _, _ in
            object.state.total += 1
            return object.state.total
        }
        Handle(Remember.self) { object, message, _ in
            object.state.numbers.append(message.number)
            return object.state.numbers.count
        }
        Query(Remembered.self) { object, _, _ in object.state.numbers }
    }
}
