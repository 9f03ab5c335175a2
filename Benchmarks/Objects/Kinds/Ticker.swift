package import Rivulet

package struct Burst: Message {
    package typealias Reply = Int
    var count: Int
    /// The bytes of each event's JSON.
    var size: Int
}

package struct Tick: Event {
    var text: String
}

/// Publishes events that are kept nowhere.
package struct Ticker: ServiceObject {
    package struct State: Codable, Sendable {}
    package static let configuration = ObjectConfiguration(persistence: .none)
    package var state = State()

    package init() {}

    package static var handlers: Handlers<Self> {
        Handle(Burst.self) { _, burst, turn in
            let around = #"{"text":""}"#.utf8.count
            let text = String(repeating: "x", count: max(0, min(burst.size, 1 << 20) - around))
            for _ in 0..<max(0, burst.count) { turn.publish(Tick(text: text)) }
            return burst.count
        }
    }
}
