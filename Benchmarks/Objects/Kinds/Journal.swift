package import Rivulet

package struct Record: Message {
    package typealias Reply = Int
    /// How many events this one turn publishes; 1 if it does not say.
    var count: Int?
}

package struct Recorded: Event {
    var source: String
    var reading: Int
}

/// Publishes durable events, of 43 bytes of JSON, and changes nothing else.
package struct Journal: ServiceObject {
    package struct State: Codable, Sendable {}
    package var state = State()

    package init() {}

    package static var handlers: Handlers<Self> {
        Handle(Record.self) { _, record, turn in
            let count = max(0, min(record.count ?? 1, 1000))
            for _ in 0..<count { turn.publish(Recorded(source: "thermometer-17", reading: 21_500)) }
            return count
        }
    }
}
