import Rivulet
import RivuletClient
import RivuletTesting
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(2))) struct ReadmeTests {
    @Test func aRoomNumbersWhatIsSaid() async throws {
        try await withNode(hosting: Room.self) { node in
            let room = node.object(Room.self, "lobby")
            let number = try await room.ask(Say(name: "ann", text: "hello"))
            #expect(number == 1)
            await #expect(throws: TooLong.self) {
                try await room.ask(Say(name: "bob", text: String(repeating: "la", count: 200)))
            }
            #expect(node.events(of: Room.self, "lobby").map(\.name) == ["Said"])
        }
    }

    @Test func aFollowerThatStoppedGoesOnWhereItWas() async throws {
        try await withRunningNode(store: .memory, hosting: Room.self) { node in
            var numbers: [Int] = []
            for _ in 1...3 { numbers.append(try await chat(at: node.url)) }
            #expect(numbers == [1, 2, 3])
            let first = try await positions(2, at: node.url, from: .beginning)
            #expect(first.map(\.sequence) == [1, 2])
            let last = try #require(first.last)
            let rest = try await positions(1, at: node.url, from: .after(last))
            #expect(rest.map(\.sequence) == [3])
        }
    }

    private struct Enough: Error {}

    /// The positions of the first events that are followed.
    private func positions(_ count: Int, at url: String, from start: StartPosition) async throws -> [Position] {
        let seen = Mutex<[Position]>([])
        do {
            try await follow(at: url, from: start) { position in
                let isEnough = seen.withLock { seen in
                    seen.append(position)
                    return seen.count == count
                }
                if isEnough { throw Enough() }
            }
        } catch is Enough {}
        return seen.withLock { $0 }
    }
}
