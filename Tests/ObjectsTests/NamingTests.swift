import RivuletObjects
import RivuletTesting
import Testing

@Test func idsThatOnlyLookAlikeAreDifferentObjects() async throws {
    let (composed, decomposed) = ("caf\u{E9}", "cafe\u{301}")
    #expect(ObjectID(kind: "Counter", id: composed) != ObjectID(kind: "Counter", id: decomposed))
    try await withNode(hosting: Counter.self) { node in
        let first = try await node.object(Counter.self, composed).ask(Add(amount: 1))
        let second = try await node.object(Counter.self, decomposed).ask(Add(amount: 1))
        #expect([first, second] == [1, 1])
    }
}
