import Foundation
import Rivulet

struct Where: Message { typealias Reply = Int32 }

/// Says in which process it is; only nodes with the label `special` host it.
struct Special: ServiceObject {
    struct State: Codable, Sendable {}
    static let configuration = ObjectConfiguration(label: "special")
    var state = State()

    static var handlers: Handlers<Self> {
        Query(Where.self) { _, _, _ in ProcessInfo.processInfo.processIdentifier }
    }
}

/// Says in which process it is; any.
struct Anywhere: ServiceObject {
    struct State: Codable, Sendable {}
    static let configuration = ObjectConfiguration(placement: .random)
    var state = State()

    static var handlers: Handlers<Self> {
        Query(Where.self) { _, _, _ in ProcessInfo.processInfo.processIdentifier }
    }
}

/// A node of which the tests with other clients run several.
@main struct PlacedObjects: NodeCommand {
    static let objects: [any ServiceObject.Type] = [Special.self, Anywhere.self]
}
