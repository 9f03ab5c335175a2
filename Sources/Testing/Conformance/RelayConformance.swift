public import RivuletBackbone
import RivuletSubscriptions

/// A fresh relay for one check of ``RelayConformance``.
public struct RelayFixture: Sendable {
    /// The relay, with nobody listening.
    public var relay: any Relay

    /// A fixture.
    public init(relay: any Relay) {
        self.relay = relay
    }
}

/// What every ``Relay`` must do.
public enum RelayConformance {
    /// The checks, each for a fixture of its own.
    public static let all: [ConformanceCheck<RelayFixture>] = [
        ConformanceCheck("a batch reaches all other nodes that listen, whole and in the sender's order") { fixture in
            let readers = [try await fixture.relay.batches(for: "b"), try await fixture.relay.batches(for: "c")]
            let sent = (0..<100).map { number in [UInt8](repeating: UInt8(number), count: number * 7) }
            for frames in sent { try await fixture.relay.send(frames, from: "a") }
            for reader in readers { try expect("the batches", try await first(sent.count, of: reader), is: sent) }
        },
        ConformanceCheck("a node does not hear itself") { fixture in
            let reader = try await fixture.relay.batches(for: "a")
            try await fixture.relay.send([1], from: "a")
            try await fixture.relay.send([2], from: "b")
            try expect("the batches", try await first(1, of: reader), is: [[2]])
        },
        ConformanceCheck("a node hears what is sent from the moment it listens") { fixture in
            let early = try await fixture.relay.batches(for: "b")
            try await fixture.relay.send([1], from: "a")
            let late = try await fixture.relay.batches(for: "c")
            try await fixture.relay.send([2], from: "a")
            try expect("what the early one hears", try await first(2, of: early), is: [[1], [2]])
            try expect("what the late one hears", try await first(1, of: late), is: [[2]])
        },
        ConformanceCheck("one who stops listening harms nobody") { fixture in
            let gone = try await fixture.relay.batches(for: "b")
            let reader = try await fixture.relay.batches(for: "c")
            gone.finish()
            try await fixture.relay.send([1], from: "a")
            try expect("the batches", try await first(1, of: reader), is: [[1]])
        },
        ConformanceCheck("of many senders each one's order is kept") { fixture in
            let reader = try await fixture.relay.batches(for: "reader")
            try await withThrowingTaskGroup(of: Void.self) { group in
                for sender in UInt8(0)..<8 {
                    group.addTask {
                        for number in UInt8(0)..<50 { try await fixture.relay.send([sender, number], from: "node\(sender)") }
                    }
                }
                try await group.waitForAll()
            }
            let batches = try await first(400, of: reader)
            for sender in UInt8(0)..<8 {
                try expect("sender \(sender)'s batches", batches.filter { $0[0] == sender }.map { $0[1] }, is: Array(0..<50))
            }
        },
    ]

    private static func first(_ count: Int, of channel: BoundedChannel<[UInt8]>) async throws -> [[UInt8]] {
        var batches: [[UInt8]] = []
        var iterator = channel.makeAsyncIterator()
        while batches.count < count, let batch = try await iterator.next() { batches.append(batch) }
        return batches
    }
}
