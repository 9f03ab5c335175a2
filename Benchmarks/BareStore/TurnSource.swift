import RivuletBackbone
import RivuletSubscriptions

/// Turns such as those of `Account`, or of `Journal` if they have only events.
struct TurnSource {
    static let kind = "Account"
    static let state = Array(#"{"owner":"somebody with a name","currency":"EUR","balance":1234,"deposits":1234,"limit":250000}"#.utf8)
    static let event = Array(#"{"amount":1,"balance":1234,"currency":"EUR"}"#.utf8)

    private var turns: [TurnCommit]
    private var position = 0

    init(objects: Int, eventsOnly: Bool) {
        turns = (0..<objects).map { number in
            let id = Self.id(number, of: objects)
            return TurnCommit(
                object: ObjectID(kind: Self.kind, id: id), ownerEpoch: 0, expectedVersion: 0, state: eventsOnly ? nil : Self.state,
                events: [NewEvent(subject: Subject(received: Array("evt.\(Self.kind).\(id).Deposited".utf8)), payload: Self.event)])
        }
    }

    /// As `rivulet bench` names one of several.
    static func id(_ number: Int, of objects: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: String(objects - 1).utf8.count - digits.utf8.count) + digits
    }

    /// Mixes the objects' order, in the same way each time.
    mutating func scatter() {
        var random = SplitMix(state: 1)
        turns.shuffle(using: &random)
    }

    /// As many turns, of one object after the other.
    mutating func next(_ count: Int) -> [TurnCommit] {
        var batch: [TurnCommit] = []
        batch.reserveCapacity(count)
        for _ in 0..<count {
            batch.append(turns[position])
            turns[position].expectedVersion += 1
            position = position + 1 == turns.count ? 0 : position + 1
        }
        return batch
    }

    func committed(_ outcomes: [TurnOutcome]) throws(LoopError) {
        guard !outcomes.contains(.fenced) else { throw LoopError("the store holds other turns already; give it a new one") }
    }
}

/// What went wrong in a loop.
struct LoopError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}

private struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var bits = state
        bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
        bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
        return bits ^ (bits >> 31)
    }
}
