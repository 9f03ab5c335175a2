// The README's clients. Tests/Interop/test_readme.py sees to it that both are the same.
import RivuletClient

func chat(at url: String) async throws -> Int {
    try await withRivuletClient(url) { client in
        let room = client.object("Room", "lobby")
        do {
            return try await room.ask(Say(name: "ann", text: "hello"))
        } catch let error as TooLong {
            print("at most \(error.limit) characters")
            throw error
        }
    }
}

func follow(at url: String, from start: StartPosition, remember: @Sendable (Position) async throws -> Void) async throws {
    try await withRivuletClient(url) { client in
        let room = client.object("Room", "lobby")
        for try await item in room.events(of: Said.self, from: start) {
            switch item {
            case .event(let said, let position):
                print("\(said.name): \(said.text)")
                try await remember(position)
            case .caughtUp:
                print("live from here on")
            case .gap(let gap):
                print(gap)
            }
        }
    }
}
