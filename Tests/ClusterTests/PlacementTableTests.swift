import RivuletBackbone
import RivuletCluster
import RivuletObjects
import TestSupport
import Testing

/// The choice of a node, as a function of what is known of them.
@Suite struct PlacementTableTests {
    private static let all: [Placement] = [.preferLocal, .random, .leastLoaded]

    private func node(_ name: String, kinds: Set<String> = ["Tally"], objects: Int = 0, isDraining: Bool = false) -> NodeDescription {
        NodeDescription(
            name: name, address: name, status: NodeStatus(kinds: kinds, activeObjects: objects, isDraining: isDraining))
    }

    private func table(_ others: NodeDescription...) -> PlacementTable {
        var table = PlacementTable()
        table.see(others)
        return table
    }

    /// How often each node is chosen.
    private func choices(
        _ count: Int, _ placement: Placement, _ table: PlacementTable, at own: NodeDescription
    ) -> [String: Int] {
        var generator = SeededGenerator(seed: 7)
        var counts: [String: Int] = [:]
        for _ in 0..<count {
            let chosen = table.choose(for: "Tally", by: placement, at: own, using: &generator)
            counts[chosen ?? "none", default: 0] += 1
        }
        return counts
    }

    @Test func theNodeThatIsCalledKeepsWhatPrefersIt() {
        let nodes = table(node("b"), node("c"))
        #expect(choices(100, .preferLocal, nodes, at: node("a", objects: 1000)) == ["a": 100])
    }

    @Test func whatPrefersANodeThatDoesNotHostItGoesToTheLessLoaded() {
        let nodes = table(node("b", objects: 5), node("c", objects: 2))
        #expect(choices(100, .preferLocal, nodes, at: node("a", kinds: ["Other"])) == ["c": 100])
    }

    @Test func randomIsEven() {
        let counts = choices(30_000, .random, table(node("b", objects: 1000), node("c")), at: node("a"))
        #expect(counts.keys.sorted() == ["a", "b", "c"])
        #expect(counts.values.allSatisfy { (9500...10_500).contains($0) }, "\(counts)")
    }

    @Test func theMostLoadedOfThreeGetsNothing() {
        let counts = choices(3000, .leastLoaded, table(node("b", objects: 10), node("c", objects: 2)), at: node("a", objects: 2))
        #expect(counts["b"] == nil)
        #expect((counts["a"] ?? 0) > 1300 && (counts["c"] ?? 0) > 1300, "\(counts)")
    }

    /// Though nobody tells of them until much later.
    @Test func whatWasSentCounts() {
        var table = PlacementTable()
        var own = node("a")
        table.see((0..<9).map { node("b\($0)") })
        var generator = SeededGenerator(seed: 7)
        var counts: [String: Int] = [:]
        for _ in 0..<1000 {
            guard let chosen = table.choose(for: "Tally", by: .leastLoaded, at: own, using: &generator) else { continue }
            counts[chosen, default: 0] += 1
            if chosen == own.name { own.status.activeObjects += 1 } else { table.noteSent(to: chosen) }
        }
        // With one random choice, the standard deviation would be about ten.
        #expect(counts.count == 10)
        #expect(counts.values.allSatisfy { (96...104).contains($0) }, "\(counts)")
    }

    @Test func whatANodeTellsTakesThePlaceOfWhatWasSentThere() {
        var table = table(node("b"))
        for _ in 0..<10 { table.noteSent(to: "b") }
        #expect(choices(10, .leastLoaded, table, at: node("a", objects: 5)) == ["a": 10])
        table.see([node("b", objects: 1)])
        #expect(choices(10, .leastLoaded, table, at: node("a", objects: 5)) == ["b": 10])
    }

    @Test(arguments: all) func nodesThatDrainOrDoNotHostTheKindGetNothing(_ placement: Placement) {
        let nodes = table(node("b", isDraining: true), node("c", kinds: ["Other"]), node("d", objects: 1000), node("e", kinds: []))
        #expect(choices(200, placement, nodes, at: node("a", isDraining: true)) == ["d": 200])
        #expect(choices(200, placement, nodes, at: node("a", kinds: ["Other"])) == ["d": 200])
        #expect(choices(1, placement, table(node("c", kinds: ["Other"])), at: node("a", kinds: [])) == ["none": 1])
    }

    @Test(arguments: all) func aNodeThatDrainsKeepsWhatNobodyElseCanHave(_ placement: Placement) {
        let nodes = table(node("b", isDraining: true), node("c", kinds: ["Other"]))
        #expect(choices(10, placement, nodes, at: node("a", isDraining: true)) == ["a": 10])
    }

    @Test(arguments: all) func nodesThatHaveRefusedAreTakenOnlyIfThereIsNoOther(_ placement: Placement) {
        var nodes = table(node("b"), node("c", objects: 1000))
        let own = node("a", kinds: [])
        nodes.avoid("b")
        #expect(choices(100, placement, nodes, at: own) == ["c": 100])
        nodes.avoid("c")
        #expect(choices(100, placement, nodes, at: own)["none"] == nil)
        nodes.see([node("b"), node("c", objects: 1000)])
        #expect(choices(100, placement, nodes, at: own)["b"] != nil)
    }

    @Test(arguments: all) func nodesThatMayBeDeadAreTakenOnlyIfThereIsNoOther(_ placement: Placement) {
        let (others, own) = ([node("b"), node("c", objects: 1000)], node("a", kinds: []))
        var nodes = PlacementTable()
        nodes.see(others, suspected: ["b"])
        #expect(choices(100, placement, nodes, at: own) == ["c": 100])
        nodes.see(others, suspected: ["b", "c"])
        #expect(choices(100, placement, nodes, at: own)["none"] == nil)
        nodes.see(others)
        #expect(choices(100, placement, nodes, at: own)["b"] != nil)
    }

    @Test func aNodeThatIsGoneGetsNothing() {
        var nodes = table(node("b"), node("c"))
        nodes.forget("b")
        #expect(choices(100, .random, nodes, at: node("a", kinds: [])) == ["c": 100])
    }

    @Test func kindsAreRememberedWhenTheirNodesAreGone() {
        var table = PlacementTable(kinds: ["Own"])
        table.see([node("b")])
        table.see([])
        #expect(table.kinds == ["Own", "Tally"])
    }
}
