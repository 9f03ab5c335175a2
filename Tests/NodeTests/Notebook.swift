import Rivulet

struct Write: Message {
    typealias Reply = Int
    var text: String
}
struct Count: Message { typealias Reply = Int }
struct Hold: Message { typealias Reply = Int }
struct Written: Event, Equatable { var number: Int }

/// Keeps texts; the fuller it is the more room it needs on disk.
struct Notebook: ServiceObject {
    struct State: Codable, Sendable { var texts: [String] = [] }
    var state = State()

    static var handlers: Handlers<Self> {
        Handle(Write.self) { object, message, turn in
            object.state.texts.append(message.text)
            turn.publish(Written(number: object.state.texts.count))
            return object.state.texts.count
        }
        Query(Count.self) { object, _, _ in object.state.texts.count }
        Handle(Hold.self) { object, _, turn in
            try await turn.dependency(Latch.self).wait()
            object.state.texts.append("held")
            return object.state.texts.count
        }
    }
}

/// Lets a handler wait until the test opens it.
actor Latch {
    private var isOpen = false
    private var waiting: [CheckedContinuation<Void, Never>] = []
    private var watchers: [CheckedContinuation<Void, Never>] = []

    func wait() async {
        guard !isOpen else { return }
        await withCheckedContinuation { continuation in
            waiting.append(continuation)
            for watcher in watchers { watcher.resume() }
            watchers = []
        }
    }

    func waited() async {
        guard waiting.isEmpty else { return }
        await withCheckedContinuation { watchers.append($0) }
    }

    func open() {
        isOpen = true
        for waiter in waiting { waiter.resume() }
        waiting = []
    }
}
