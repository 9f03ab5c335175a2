import RivuletBroker
import RivuletSubscriptions
import TestSupport
import Testing

/// What is delivered against a naive matcher, while subscriptions come and go.
@Suite(.timeLimit(.minutes(2)))
struct DeliveryTests {
    private struct Wish {
        var client: Int
        var sid: String
        var pattern: String
        var queue: String?
    }

    @Test(arguments: 0..<8) func whoSubscribedGetsItAndNobodyElse(seed: UInt64) async throws {
        var generator = SeededGenerator(seed: seed)
        try await withBroker { _, address in
            var clients: [TestClient] = []
            for _ in 0..<3 { clients.append(try await TestClient.ready(address)) }
            var wishes: [Wish] = []
            var nextSID = 1
            for round in 0..<25 {
                // Some subscribe or unsubscribe; the answer to PING says that it is done.
                for client in clients.indices {
                    if Bool.random(using: &generator) {
                        let wish = Wish(
                            client: client, sid: String(nextSID), pattern: Self.pattern(using: &generator),
                            queue: Int.random(in: 0..<3, using: &generator) == 0 ? "q\(Int.random(in: 0..<2, using: &generator))" : nil)
                        nextSID += 1
                        wishes.append(wish)
                        clients[client].send("SUB \(wish.pattern) \(wish.queue.map { $0 + " " } ?? "")\(wish.sid)\r\n")
                    } else if let index = wishes.firstIndex(where: { $0.client == client }) {
                        clients[client].send("UNSUB \(wishes.remove(at: index).sid)\r\n")
                    }
                    await clients[client].expect(sending: "PING\r\n", "PONG\r\n")
                }
                let publisher = Int.random(in: 0..<clients.count, using: &generator)
                var sent: [(subject: String, payload: String)] = []
                for number in 0..<10 {
                    let message = (subject: Self.subject(using: &generator), payload: "\(round)-\(number)")
                    sent.append(message)
                    clients[publisher].send("PUB \(message.subject) \(message.payload.utf8.count)\r\n\(message.payload)\r\n")
                }
                await check(sent, wishes, try await received(by: clients, publisher: publisher))
            }
        }
    }

    private func received(by clients: [TestClient], publisher: Int) async throws -> [[Received]] {
        // The publisher's PONG says that all was routed; after that the others' PONGs come behind all their messages.
        var received = Array(repeating: [Received](), count: clients.count)
        for index in [publisher] + clients.indices.filter({ $0 != publisher }) {
            received[index] = try Received.messages(in: await clients[index].everything())
        }
        return received
    }

    private func check(_ sent: [(subject: String, payload: String)], _ wishes: [Wish], _ received: [[Received]]) async {
        for (client, messages) in received.enumerated() {
            for wish in wishes where wish.client == client && wish.queue == nil {
                let expected = sent.filter { matches(wish.pattern, $0.subject) }.map(\.payload)
                #expect(messages.filter { $0.sid == wish.sid }.map(\.payload) == expected, "\(wish)")
            }
        }
        let known = Set(wishes.map { "\($0.client)/\($0.sid)" })
        for (client, messages) in received.enumerated() {
            for message in messages { #expect(known.contains("\(client)/\(message.sid)")) }
        }
        for queue in ["q0", "q1"] {
            for message in sent {
                let members = wishes.filter { $0.queue == queue && matches($0.pattern, message.subject) }
                let got = members.filter { member in
                    received[member.client].contains { $0.sid == member.sid && $0.payload == message.payload }
                }
                #expect(got.count == (members.isEmpty ? 0 : 1))
            }
        }
    }

    private func matches(_ pattern: String, _ subject: String) -> Bool {
        let wanted = pattern.split(separator: ".")
        let tokens = subject.split(separator: ".")
        for (index, want) in wanted.enumerated() {
            if want == ">" { return index < tokens.count }
            guard index < tokens.count, want == "*" || want == tokens[index] else { return false }
        }
        return wanted.count == tokens.count
    }

    private static func subject(using generator: inout SeededGenerator) -> String {
        (0..<Int.random(in: 1...3, using: &generator)).map { _ in ["a", "b", "cc"].randomElement(using: &generator) ?? "a" }
            .joined(separator: ".")
    }

    private static func pattern(using generator: inout SeededGenerator) -> String {
        var tokens = (0..<Int.random(in: 1...3, using: &generator)).map { _ in
            ["a", "b", "cc", "*"].randomElement(using: &generator) ?? "a"
        }
        if Int.random(in: 0..<4, using: &generator) == 0 { tokens[tokens.count - 1] = ">" }
        return tokens.joined(separator: ".")
    }
}
