import Rivulet
import RivuletClient
import Testing

/// Turns that wait and turns that do not, of one object, called over the network.
@Suite(.timeLimit(.minutes(2)))
struct TurnOrderTests {
    @Test(arguments: [Scribe.self, DurableScribe.self] as [any ServiceObject.Type])
    func turnsRunInTheOrderOfTheirMessagesWhetherTheyWaitOrNot(kind: any ServiceObject.Type) async throws {
        try await withRunningNode(store: .memory, hosting: kind) { node in
            try await withRivuletClient(node.url) { client in
                let object = client.object(kind.kind, "1")
                for number in 0..<600 {
                    switch number % 7 {
                    case 3: try object.send(Ponder(number: number))
                    case 5: try object.send(Cheer(number: number))
                    case 6 where number % 5 == 0: try object.send(Tear(number: number))
                    default: try object.send(Jot(number: number))
                    }
                }
                let expected = (0..<600).filter { $0 % 7 != 6 || $0 % 5 != 0 }
                let handled = try await object.ask(Recite(), timeout: .seconds(60))
                #expect(handled == expected)
            }
        }
    }

    @Test func aTurnThatIsLongOverdueIsCancelledAndWhatWaitsGoesOn() async throws {
        try await withRunningNode(store: .memory, hosting: Dawdler.self) { node in
            try await withRivuletClient(node.url) { client in
                let object = client.object(Dawdler.kind, "1")
                async let overdue = code { try await object.ask(Ponder(number: 1), timeout: .seconds(60)) }
                async let waiting = code { try await object.ask(Jot(number: 2), timeout: .seconds(60)) }
                let first = await overdue
                #expect(first == .deadline)
                let second = await waiting
                #expect(second == nil)
                let handled = try await object.ask(Recite(), timeout: .seconds(60))
                #expect(handled == [2])
            }
        }
    }
}

/// The code of the error that `body` throws.
private func code(_ body: () async throws -> Int) async -> CallError.Code? {
    do {
        _ = try await body()
        return nil
    } catch {
        return (error as? CallError)?.code
    }
}

private struct Jot: Message {
    typealias Reply = Int
    var number: Int
}
private struct Ponder: Message {
    typealias Reply = Int
    var number: Int
}
private struct Cheer: Message {
    typealias Reply = Int
    var number: Int
}
private struct Tear: Message {
    typealias Reply = Int
    var number: Int
}
private struct Recite: Message { typealias Reply = [Int] }
private struct Cheered: Event {
    static let durability = EventDurability.ephemeral
    var number: Int
}
private struct Torn: Error {}

private protocol Writing: ServiceObject where State == [Int] {}

extension Writing {
    fileprivate mutating func note(_ number: Int) -> Int {
        state.append(number)
        return state.count
    }

    @HandlersBuilder<Self> fileprivate static var writing: Handlers<Self> {
        Handle(Jot.self) { object, message, _ in object.note(message.number) }
        Handle(Ponder.self) { object, message, _ in
            await Task.yield()
            return object.note(message.number)
        }
        Handle(Cheer.self) { object, message, turn in
            for _ in 0..<3 { turn.publish(Cheered(number: message.number)) }
            return object.note(message.number)
        }
        Handle(Tear.self) { _, _, _ in throw Torn() }
        Query(Recite.self) { object, _, _ in object.state }
    }
}

private struct Scribe: Writing {
    static let configuration = ObjectConfiguration(persistence: .none)
    var state: [Int] = []
    static var handlers: Handlers<Self> { return writing }
}

private struct DurableScribe: Writing {
    var state: [Int] = []
    static var handlers: Handlers<Self> { return writing }
}

private struct Dawdler: ServiceObject {
    static let configuration = ObjectConfiguration(persistence: .none, turnTimeout: .milliseconds(100))
    var state: [Int] = []
    static var handlers: Handlers<Self> {
        Handle(Ponder.self) { _, _, _ in
            try await Task.sleep(for: .seconds(600))
            return 0
        }
        Handle(Jot.self) { object, message, _ in
            object.state.append(message.number)
            return 0
        }
        Query(Recite.self) { object, _, _ in object.state }
    }
}
