import RivuletBackbone
import RivuletCluster
import Testing

struct MemberRollTests {
    private static let a = NodeDescription(name: "a", address: "a:1")
    private static let b = NodeDescription(name: "b", address: "b:1")

    /// Has given no sign of life for so many seconds of the six that its lease lasts.
    private static func member(_ node: NodeDescription, silent silence: Int = 0) -> ClusterMember {
        ClusterMember(node: node, timeToLive: .seconds(6), remaining: .seconds(6 - silence))
    }

    /// What a roll makes of looks, each at its second.
    private func changes(at looks: (second: Int, members: [ClusterMember])...) -> [[MemberChange]] {
        var roll = MemberRoll()
        return looks.map { roll.see($0.members, asked: .seconds($0.second), answered: .seconds($0.second)) }
    }

    @Test("who was not there has joined, once")
    func joining() {
        let seen = changes(at: (0, [Self.member(Self.a)]), (2, [Self.member(Self.a), Self.member(Self.b)]), (4, [Self.member(Self.b)]))
        #expect(seen == [[MemberChange(.joined, Self.a)], [MemberChange(.joined, Self.b)], [MemberChange(.left, Self.a)]])
    }

    @Test("who goes before its lease can have ended has left, whatever it did before")
    func leaving() {
        #expect(changes(at: (0, [Self.member(Self.a)]), (5, [])).last == [MemberChange(.left, Self.a)])
        let slow = changes(at: (0, [Self.member(Self.a)]), (4, [Self.member(Self.a, silent: 4)]), (5, []))
        #expect(slow.dropFirst() == [[MemberChange(.suspected, Self.a)], [MemberChange(.left, Self.a)]])
    }

    @Test("who goes when its lease can have ended has died")
    func dying() {
        let killed = changes(
            at: (0, [Self.member(Self.a, silent: 1)]), (2, [Self.member(Self.a, silent: 3)]), (4, [Self.member(Self.a, silent: 5)]), (6, [])
        )
        #expect(killed.dropFirst() == [[], [MemberChange(.suspected, Self.a)], [MemberChange(.died, Self.a)]])
        // Nobody looked, and nobody can tell.
        #expect(changes(at: (0, [Self.member(Self.a)]), (6, [])).last == [MemberChange(.died, Self.a)])
    }

    @Test("a store that answers late is no sign that a node has left")
    func lateAnswers() {
        var roll = MemberRoll()
        _ = roll.see([Self.member(Self.a)], asked: .seconds(0), answered: .seconds(3))
        // Its lease may have ended six seconds after the first question, and the second was answered no sooner.
        #expect(roll.see([], asked: .seconds(4), answered: .seconds(6)) == [MemberChange(.died, Self.a)])
    }

    @Test("who misses a sign of life is suspected once, until it gives one")
    func suspecting() {
        let seen = changes(
            at: (0, [Self.member(Self.a)]), (3, [Self.member(Self.a, silent: 3)]), (4, [Self.member(Self.a, silent: 4)]),
            (5, [Self.member(Self.a, silent: 5)]), (6, [Self.member(Self.a)]), (7, [Self.member(Self.a, silent: 1)]))
        #expect(seen.dropFirst() == [[], [MemberChange(.suspected, Self.a)], [], [MemberChange(.recovered, Self.a)], []])
    }

    @Test("each is measured by its own lease")
    func ownLeases() {
        let patient = ClusterMember(node: Self.b, timeToLive: .seconds(60), remaining: .seconds(35))
        let seen = changes(at: (0, [Self.member(Self.a, silent: 4), patient]))
        #expect(seen == [[MemberChange(.joined, Self.a), MemberChange(.suspected, Self.a), MemberChange(.joined, Self.b)]])
    }

    @Test("who comes back has joined anew, and all is counted")
    func counting() {
        var roll = MemberRoll()
        for members in [[Self.member(Self.a)], [Self.member(Self.a, silent: 4)], [Self.member(Self.a)], [], [Self.member(Self.a)]] {
            _ = roll.see(members, asked: .zero, answered: .zero)
        }
        #expect(roll.see([], asked: .seconds(6), answered: .seconds(6)) == [MemberChange(.died, Self.a)])
        #expect(roll.counts == [.joined: 2, .suspected: 1, .recovered: 1, .left: 1, .died: 1])
        #expect(roll.nodes == [])
    }
}
