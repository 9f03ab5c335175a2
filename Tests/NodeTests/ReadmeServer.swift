// The README's object. Tests/Interop/test_readme.py sees to it that both are the same.
import Rivulet

struct Say: Message {
    typealias Reply = Int
    static var errors: [any ServiceError.Type] { [TooLong.self] }
    var name: String
    var text: String
}
struct Said: Event { var name: String, text: String }
struct TooLong: ServiceError { var limit: Int }

struct Room: ServiceObject {
    struct State: Codable, Sendable { var lines = 0 }
    var state = State()

    static var handlers: Handlers<Self> {
        Handle(Say.self) { room, message, turn in
            guard message.text.count <= 200 else { throw TooLong(limit: 200) }
            room.state.lines += 1
            turn.publish(Said(name: message.name, text: message.text))
            return room.state.lines
        }
    }
}

struct ChatServer: NodeCommand {
    static let objects: [any ServiceObject.Type] = [Room.self]
}
