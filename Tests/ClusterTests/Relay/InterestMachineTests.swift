import RivuletBroker
import RivuletSubscriptions
import TestSupport
import Testing

@testable import RivuletCluster

@Suite("What nodes know of each other's subscriptions")
struct InterestMachineTests {
    private func wanted(_ pattern: String, _ queue: String? = nil) throws -> SubscribedPattern {
        SubscribedPattern(try SubjectPattern(pattern), queue: queue)
    }

    private func machine(_ name: String, patterns: Int = 100) -> InterestMachine {
        InterestMachine(name, patterns: patterns, queuePatterns: 1000)
    }

    private func patterns(_ announcement: Announcement?) -> [String] {
        (announcement?.added ?? []).map(\.wanted.pattern.description).sorted()
    }

    @Test("a node that begins to listen tells all it wants, and the others answer with theirs")
    func hello() throws {
        var (first, second) = (machine("a"), machine("b"))
        _ = first.handle(.changed(try wanted("x"), by: 1))
        _ = first.handle(.changed(try wanted("y", "q"), by: 2))
        #expect(first.takeAnnouncements().isEmpty)
        _ = first.handle(.listening)
        let hello = first.takeAnnouncements()
        #expect(hello.map(\.kind) == [.hello])
        #expect(patterns(hello.first) == ["x", "y"])
        _ = second.handle(.changed(try wanted("z"), by: 1))
        _ = second.handle(.listening)
        _ = second.takeAnnouncements()
        let action = second.handle(.received(try #require(hello.first)))
        #expect(action.map { Set($0.added) } == [[try wanted("x"), try wanted("y", "q")]])
        let whole = second.takeAnnouncements()
        #expect(whole.map(\.kind) == [.whole])
        #expect(first.handle(.received(whole[0])) == [InterestMachine.Action(node: "b", added: [try wanted("z")])])
        #expect(first.takeAnnouncements().isEmpty)
    }

    @Test("a pattern is told when the first wants it and when the last does not, and not at all in between")
    func changes() throws {
        var machine = machine("a")
        _ = machine.handle(.listening)
        _ = machine.takeAnnouncements()
        _ = machine.handle(.changed(try wanted("x"), by: 1))
        _ = machine.handle(.changed(try wanted("x"), by: 1))
        _ = machine.handle(.changed(try wanted("y"), by: 1))
        _ = machine.handle(.changed(try wanted("y"), by: -1))
        #expect(machine.takeAnnouncements().map(\.added) == [[AnnouncedPattern(try wanted("x"))]])
        _ = machine.handle(.changed(try wanted("x"), by: -1))
        #expect(machine.takeAnnouncements().isEmpty)
        _ = machine.handle(.changed(try wanted("x"), by: -1))
        #expect(machine.takeAnnouncements().map(\.removed) == [[AnnouncedPattern(try wanted("x"))]])
    }

    @Test("who misses a change asks, also if it was the last one; what comes late or twice changes nothing")
    func gaps() throws {
        var (teller, hearer) = (machine("a"), machine("b"))
        for name in 0..<2 { _ = name == 0 ? teller.handle(.listening) : hearer.handle(.listening) }
        _ = hearer.handle(.received(teller.takeAnnouncements()[0]))
        _ = hearer.takeAnnouncements()
        func change(_ pattern: String) throws -> Announcement {
            _ = teller.handle(.changed(try wanted(pattern), by: 1))
            return try #require(teller.takeAnnouncements().first)
        }
        let (first, lost, third) = (try change("x"), try change("y"), try change("z"))
        #expect(hearer.handle(.received(first)).count == 1)
        #expect(hearer.handle(.received(first)).isEmpty)
        #expect(hearer.handle(.received(third)).isEmpty)
        #expect(hearer.takeAnnouncements() == [Announcement(kind: .ask, node: "b", target: "a")])
        _ = teller.handle(.received(Announcement(kind: .ask, node: "b", target: "a")))
        let whole = try #require(teller.takeAnnouncements().first)
        #expect(hearer.handle(.received(whole)).flatMap(\.added).count == 2)
        #expect(hearer.handle(.received(lost)).isEmpty)
        _ = try change("last")
        _ = teller.handle(.members(["a", "b"]))
        let alive = try #require(teller.takeAnnouncements().first)
        #expect(alive.kind == .alive)
        _ = hearer.handle(.received(alive))
        #expect(hearer.takeAnnouncements().map(\.kind) == [.ask])
    }

    @Test("nodes that are members no more and are not heard are forgotten, others not")
    func members() throws {
        var machine = machine("a")
        _ = machine.handle(.listening)
        for name in ["b", "c"] {
            _ = machine.handle(.received(Announcement(kind: .hello, node: name, added: [AnnouncedPattern(try wanted(name))])))
        }
        #expect(machine.handle(.members(["a", "b"])).isEmpty)
        #expect(machine.handle(.members(["a", "b"])) == [InterestMachine.Action(node: "c", removed: [try wanted("c")])])
        #expect(machine.isReady)
        #expect(machine.handle(.members(["a", "b", "d"])).isEmpty)
        #expect(!machine.isReady)
        #expect(machine.handle(.received(Announcement(kind: .bye, node: "b"))).map(\.node) == ["b"])
    }

    @Test("past the bound patterns are told coarser, far past it much coarser, and never less than is wanted", arguments: [5, 20, 100])
    func coarsening(bound: Int) throws {
        var random = SeededGenerator(seed: UInt64(bound))
        var summary = PatternSummary(bound: bound)
        var told: Set<SubscribedPattern> = []
        var wanted: [SubscribedPattern] = []
        for step in 0..<3000 {
            let grows = step % 1000 < 600
            if grows || wanted.isEmpty {
                let tokens = (0...Int.random(in: 0...4, using: &random)).map { _ in
                    ["a", "b", "*", "\(Int.random(in: 0..<50, using: &random))"].randomElement(using: &random) ?? ""
                }
                let pattern = try self.wanted(tokens.joined(separator: ".") + (Bool.random(using: &random) ? ".>" : ""))
                wanted.append(pattern)
                summary.change(pattern, by: 1)
            } else {
                summary.change(wanted.remove(at: Int.random(in: 0..<wanted.count, using: &random)), by: -1)
            }
            guard step % 7 == 0 else { continue }
            let (added, removed) = summary.takeChanges()
            for pattern in removed { #expect(told.remove(pattern) != nil) }
            for pattern in added { #expect(told.insert(pattern).inserted) }
            #expect(told == summary.all)
            #expect(told.count <= bound)
            // That takes its time.
            guard step % 91 == 0 else { continue }
            let isCovered = wanted.allSatisfy { pattern in
                told.contains(pattern) || told.contains { Self.covers($0.pattern, pattern.pattern) }
            }
            #expect(isCovered, "after \(step) steps")
        }
        for pattern in wanted { summary.change(pattern, by: -1) }
        _ = summary.takeChanges()
        #expect(summary.all.isEmpty)
    }

    private static func covers(_ coarse: SubjectPattern, _ fine: SubjectPattern) -> Bool {
        if coarse == fine { return true }
        let tokens = coarse.tokens
        return tokens.last == ">" && fine.tokens.starts(with: tokens.dropLast()) && fine.tokens.count >= tokens.count
    }

    @Test("whatever is lost, late or doubled: in the end each node knows what each other one wants", arguments: 0..<60)
    func randomly(seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(seed))
        var network = InterestNetwork(nodes: 2 + seed % 4, bound: seed % 3 == 0 ? 4 : 1000)
        for _ in 0..<600 { try network.step(using: &random) }
        network.settle()
        network.check()
    }
}
