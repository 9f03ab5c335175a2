import Rivulet
import RivuletClient
import Testing

/// Many events of one turn, and where turns run.
@Suite(.timeLimit(.minutes(2)))
struct BurstTests {
    @Test(arguments: [ObjectConfiguration.Execution.receivingThread, .sharedPool])
    func aBurstOfEventsIsFollowedWithoutALossAndInOrder(execution: ObjectConfiguration.Execution) async throws {
        let kind: any ServiceObject.Type = execution == .receivingThread ? Drum.self : Gong.self
        try await withRunningNode(store: .memory, hosting: kind) { node in
            try await withRivuletClient(node.url) { client in
                let events = try await client.subscribe("evt.\(kind.kind).1.>")
                let object = client.object(kind.kind, "1")
                async let played = object.ask(Roll(count: 3000))
                var next = 0
                for try await event in events {
                    let beat = try JSONPayload.decode(Beat.self, from: event.payload)
                    guard beat.number == next, event.subject.description.hasSuffix(next < 3000 ? ".Beat" : ".Rest") else { break }
                    next += 1
                    if next == 3001 { break }
                }
                #expect(next == 3001)
                #expect(try await played == 3000)
            }
        }
    }
}

private struct Roll: Message {
    typealias Reply = Int
    var count: Int
}

private struct Beat: Event { var number: Int }
private struct Rest: Event { var number: Int }

private func play(_ roll: Roll, in turn: Turn) -> Int {
    for number in 0..<roll.count { turn.publish(Beat(number: number)) }
    turn.publish(Rest(number: roll.count))
    return roll.count
}

private struct Drum: ServiceObject {
    struct State: Codable, Sendable {}
    static let configuration = ObjectConfiguration(persistence: .none)
    var state = State()

    static var handlers: Handlers<Self> {
        Handle(Roll.self) { _, roll, turn in play(roll, in: turn) }
    }
}

private struct Gong: ServiceObject {
    struct State: Codable, Sendable {}
    static let configuration = ObjectConfiguration(persistence: .none, execution: .sharedPool)
    var state = State()

    static var handlers: Handlers<Self> {
        Handle(Roll.self) { _, roll, turn in play(roll, in: turn) }
    }
}
