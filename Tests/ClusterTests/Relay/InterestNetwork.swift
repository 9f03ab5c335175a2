import RivuletBroker
import RivuletSubscriptions
import TestSupport
import Testing

@testable import RivuletCluster

/// Some machines, and announcements on their way between them.
struct InterestNetwork {
    private var machines: [String: InterestMachine] = [:]
    /// What is on its way to each node.
    private var underway: [String: [Announcement]] = [:]
    /// What each node was told to do about the others.
    private var tables: [String: [String: Set<SubscribedPattern>]] = [:]
    private var counts: [String: [SubscribedPattern: Int]] = [:]
    private let bound: Int
    private let names: [String]

    init(nodes: Int, bound: Int) {
        self.bound = bound
        names = (0..<nodes).map { "n\($0)" }
        for name in names { machines[name] = InterestMachine(name, patterns: bound, queuePatterns: 1000) }
    }

    mutating func step(using random: inout SeededGenerator) throws {
        guard let name = names.randomElement(using: &random) else { return }
        switch Int.random(in: 0..<20, using: &random) {
        case 0: perform(machines[name]?.handle(.listening), at: name)
        case 1: perform(machines[name]?.handle(.members(names)), at: name)
        case 2..<9:
            let pattern = ["a", "b.c", "b.*", "b.d", "c.>", "d.e.f", "d.e.g", "d.e.h.i"].randomElement(using: &random) ?? "a"
            let queue = Int.random(in: 0..<4, using: &random) == 0 ? "q" : nil
            let wanted = SubscribedPattern(try SubjectPattern(pattern), queue: queue)
            let count = counts[name]?[wanted] ?? 0
            let change = count > 0 && Bool.random(using: &random) ? -1 : 1
            counts[name, default: [:]][wanted] = count + change
            _ = machines[name]?.handle(.changed(wanted, by: change))
        case 9..<13:
            for announcement in machines[name]?.takeAnnouncements() ?? [] {
                if Int.random(in: 0..<10, using: &random) == 0 {
                    _ = machines[name]?.handle(.unsent(announcement))
                    continue
                }
                for other in names where other != name && Int.random(in: 0..<8, using: &random) > 0 {
                    underway[other, default: []].append(announcement)
                }
            }
        default:
            guard let waiting = underway[name], !waiting.isEmpty else { return }
            // Mostly in order; some are late, some come twice.
            let place = Int.random(in: 0..<6, using: &random) == 0 ? Int.random(in: 0..<waiting.count, using: &random) : 0
            if Int.random(in: 0..<10, using: &random) > 0 { underway[name]?.remove(at: place) }
            perform(machines[name]?.handle(.received(waiting[place])), at: name)
        }
    }

    /// Nothing is lost any more.
    mutating func settle() {
        for name in names { perform(machines[name]?.handle(.listening), at: name) }
        for _ in 0..<6 {
            for name in names { perform(machines[name]?.handle(.members(names)), at: name) }
            for name in names {
                for announcement in machines[name]?.takeAnnouncements() ?? [] {
                    for other in names where other != name { underway[other, default: []].append(announcement) }
                }
            }
            for name in names {
                for announcement in underway[name] ?? [] { perform(machines[name]?.handle(.received(announcement)), at: name) }
                underway[name] = []
            }
        }
    }

    func check() {
        for name in names {
            #expect(machines[name]?.isReady == true)
            for other in names where other != name {
                let known = machines[name]?.wantedElsewhere[other] ?? []
                #expect(known == tables[name]?[other] ?? [])
                #expect(known == told(by: other))
                if bound >= 1000 { #expect(known == Set((counts[other] ?? [:]).filter { $0.value > 0 }.keys)) }
            }
        }
    }

    private func told(by name: String) -> Set<SubscribedPattern> {
        var machine = machines[name]
        _ = machine?.handle(.received(Announcement(kind: .ask, node: "somebody", target: name)))
        return Set(machine?.takeAnnouncements().first?.added.map(\.wanted) ?? [])
    }

    private mutating func perform(_ actions: [InterestMachine.Action]?, at name: String) {
        for action in actions ?? [] {
            let before = tables[name]?[action.node] ?? []
            #expect(before.isDisjoint(with: action.added))
            #expect(before.isSuperset(of: action.removed))
            tables[name, default: [:]][action.node] = before.subtracting(action.removed).union(action.added)
        }
    }
}
