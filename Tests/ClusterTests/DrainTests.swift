import RivuletBackbone
import RivuletCluster
import RivuletObjects
import RivuletSubscriptions
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1)))
struct DrainTests {
    @Test func othersGetWhatIsIdleWhileATurnOfTheNodeThatDrainsTakesLong() async throws {
        let gate = BoundedChannel<Void>(capacity: 1, whenFull: .dropNewest)
        try await withHosts(2, hosting: Tally.self, Slow.self, dependencies: Dependencies().with(gate)) { cluster in
            let idle = ObjectID(kind: "Tally", id: "idle")
            var total = try await cluster[0].object(idle.kind, idle.id).ask(Increase())
            async let slow = cluster[0].object("Slow", "a").ask(Increase(), timeout: .seconds(1 << 20))
            try await until { cluster[0].objects.activeCount == 2 }
            cluster[0].ownership.prepareToLeave()
            try await cluster.acquaint()
            async let drained: Void = cluster[0].objects.drain(patience: .seconds(1 << 20))
            total = try await cluster.whileTimePasses(keeping: cluster[0], cluster[1]) { [total] in
                var total = total
                repeat {
                    let next = try await cluster[1].object(idle.kind, idle.id).ask(Increase(), timeout: .seconds(60))
                    #expect(next == total + 1)
                    total = next
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
            for try await _ in try turn.dependency(BoundedChannel<Void>.self) {}
            object.state.total += 1
            return object.state.total
        }
    }
}
