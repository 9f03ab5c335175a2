import RivuletBackbone
import RivuletCluster
import RivuletObjects
import RivuletSubscriptions
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1)))
struct DrainTests {
    @Test func othersGetWhatIsIdleWhileATurnOfTheNodeThatDrainsTakesLong() async throws {
        let (gate, begun) = (BoundedChannel<Void>(capacity: 1, whenFull: .dropNewest), Count())
        try await withHosts(2, hosting: Tally.self, Slow.self, dependencies: Dependencies().with(gate).with(begun)) { cluster in
            let idle = ObjectID(kind: "Tally", id: "idle")
            var total = try await cluster[0].object(idle.kind, idle.id).ask(Increase())
            defer { gate.finish() }
            async let slow = cluster[0].object("Slow", "a").ask(Increase(), timeout: .seconds(1 << 20))
            try await until { begun.value == 1 }
            cluster[0].ownership.prepareToLeave()
            try await cluster.acquaint()
            async let drained: Void = cluster[0].objects.drain(patience: .seconds(1 << 20))
            total = try await cluster.whileTimePasses(keeping: cluster[0], cluster[1]) { [total] in
                var total = total
                repeat {
                    do {
                        let next = try await cluster[1].object(idle.kind, idle.id).ask(Increase(), timeout: .seconds(1 << 20))
                        #expect(next == total + 1)
                        total = next
                    } catch let error as CallError where error.code == .unavailable {
                        // On a busy machine time passes faster than messages: what nobody has handled is asked again.
                    }
                } while try await cluster.backbone.owner(of: idle)?.node != "node1"
                return total
            }
            #expect(total >= 2)
            try await until { cluster[0].objects.activeCount == 1 }
            gate.finish()
            #expect(try await slow == 1)
            await drained
        }
    }
}

/// Counts once the gate is open.
private struct Slow: ServiceObject {
    static let configuration = ObjectConfiguration(turnTimeout: .seconds(1 << 20))
    var state = Tally.State()

    static var handlers: Handlers<Self> {
        Handle(Increase.self) { object, _, turn in
            try turn.dependency(Count.self).increase()
            for try await _ in try turn.dependency(BoundedChannel<Void>.self) {}
            object.state.total += 1
            return object.state.total
        }
    }
}
