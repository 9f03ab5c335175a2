import Rivulet

/// Appends an entry.
struct Append: Message {
    typealias Reply = Receipt
    var entry: String
}

/// Appends an entry after a while, in which the node may lose the ledger.
struct AppendSlowly: Message {
    typealias Reply = Receipt
    var entry: String
    var milliseconds: Int
}

/// Asks for the last receipt.
struct Read: Message {
    typealias Reply = Receipt
}

/// Tells an entry, which is the `count`th, and sums up all until there.
struct Appended: Event {
    var entry: String
    var count: Int
    var digest: String
}

/// How many entries there are, and what sums them up.
struct Receipt: Codable, Sendable {
    var count = 0
    var digest = Digest()
}

/// A list of entries of which only the events keep each one: they and the state must agree on the count and the digest.
struct Ledger: ServiceObject {
    var state = Receipt()

    static var handlers: Handlers<Self> {
        Handle(Append.self) { ledger, message, turn in ledger.append(message.entry, in: turn) }
        Handle(AppendSlowly.self) { ledger, message, turn in
            try await Task.sleep(for: .milliseconds(message.milliseconds))
            return ledger.append(message.entry, in: turn)
        }
        Query(Read.self) { ledger, _, _ in ledger.state }
    }

    private mutating func append(_ entry: String, in turn: Turn) -> Receipt {
        state.count += 1
        state.digest.add(entry)
        turn.publish(Appended(entry: entry, count: state.count, digest: state.digest.text))
        return state
    }
}
