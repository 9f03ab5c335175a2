import RivuletBackbone
import RivuletCluster
import RivuletContract
import RivuletObjects
import RivuletSubscriptions
import RivuletTesting
import Testing

@Suite(.timeLimit(.minutes(2)))
struct PlacementTests {
    @Test func objectsThatPreferNoNodeAreSpread() async throws {
        try await withHosts(3, hosting: Wanderer.self) { cluster in
            for number in 0..<60 {
                for caller in 0..<3 {
                    let total = try await cluster[caller].object("Wanderer", "\(number)").ask(Increase())
                    #expect(total == caller + 1)
                }
            }
            #expect(await cluster.activeCounts().reduce(0, +) == 60)
            #expect(await cluster.activeCounts().allSatisfy { $0 > 0 }, "they are not spread")
        }
    }

    @Test func theNodeWithLessToDoGetsMore() async throws {
        try await withHosts(2, hosting: Tally.self, Spread.self) { cluster in
            for number in 0..<10 { _ = try await cluster[1].object("Tally", "\(number)").ask(Increase()) }
            try await cluster.acquaint()
            // Nobody tells again of how many there are by now.
            for number in 0..<10 { _ = try await cluster[1].object("Spread", "\(number)").ask(Increase()) }
            #expect(await cluster.activeCounts() == [10, 10])
            for number in 10..<20 { _ = try await cluster[number % 2].object("Spread", "\(number)").ask(Increase()) }
            #expect(await cluster.activeCounts().reduce(0, +) == 30)
        }
    }

    @Test func kindsWithALabelAreHostedWhereItIs() async throws {
        try await withHosts(3, hosting: Tally.self, Special.self, labels: [1: ["special", "other"]]) { cluster in
            for number in 0..<6 { _ = try await cluster[number % 3].object("Special", "\(number % 2)").ask(Increase()) }
            #expect(await cluster.activeCounts() == [0, 2, 0])
        }
    }

    @Test func labelsMatterOnlyInACluster() {
        let program: [any ServiceObject.Type] = [Tally.self, Special.self]
        #expect(HostedKinds(of: program, labels: nil).names == ["Tally", "Special"])
        #expect(HostedKinds(of: program, labels: []).names == ["Tally"])
        #expect(HostedKinds(of: program, labels: ["other", "special"]).names == ["Tally", "Special"])
    }

    @Test func kindsThatNobodyHasAreUnknownAndTheOthersAreNamed() async throws {
        try await withHosts(2, hosting: Tally.self, Special.self, labels: [1: ["special"]]) { cluster in
            for caller in 0..<2 {
                let failure = await #expect(throws: CallError.self) { try await cluster[caller].object("Nothing", "a").ask(Increase()) }
                #expect(failure?.description == "404 there is no kind \"Nothing\"; the cluster serves Special, Tally")
            }
        }
    }

    @Test func callsWaitForANodeThatHostsTheirKind() async throws {
        try await withHosts(2, hosting: Special.self, labels: [1: ["special"]]) { cluster in
            try await cluster[1].keeper.leave()
            cluster[0].ownership.see([])
            let failure = await #expect(throws: CallError.self) {
                try await cluster.whileTimePasses(keeping: cluster[0]) {
                    try await cluster[0].object("Special", "a").ask(Increase(), timeout: .seconds(30))
                }
            }
            #expect(failure?.description == "503 no node is there that hosts Special; ask again")
        }
    }

    @Test func callsForKindsOfOtherNodesKeepTheirOrder() async throws {
        try await withHosts(3, hosting: Special.self, labels: [1: ["special"], 2: ["special"]]) { cluster in
            for id in 0..<20 {
                let object = cluster[0].object("Special", "\(id)")
                for number in 0..<50 { try object.send(Remember(number: number)) }
                let remembered = try await object.ask(Remembered())
                #expect(remembered == Array(0..<50))
            }
        }
    }

    @Test func callsKeepTheirOrderAndAreNotLostWhenNodesChooseAtTheSameTime() async throws {
        try await withHosts(2, hosting: Wanderer.self) { cluster in
            for id in 0..<40 {
                try await withThrowingDiscardingTaskGroup { group in
                    for caller in 0..<2 {
                        group.addTask {
                            let object = cluster[caller].object("Wanderer", "\(id)")
                            for number in 0..<20 { try object.send(Remember(number: caller * 100 + number)) }
                            _ = try await object.ask(Increase())
                        }
                    }
                }
                let remembered = try await cluster[0].object("Wanderer", "\(id)").ask(Remembered())
                #expect(remembered.filter { $0 < 100 } == Array(0..<20))
                #expect(remembered.filter { $0 >= 100 } == Array(100..<120))
            }
        }
    }

    @Test func aNodeThatDrainsGetsNothingMore() async throws {
        try await withHosts(3, hosting: Wanderer.self) { cluster in
            cluster[1].ownership.prepareToLeave()
            // The others learn of it from its refusals, and later by themselves.
            for number in 0..<20 { _ = try await cluster[number % 3].object("Wanderer", "a\(number)").ask(Increase()) }
            #expect(await cluster.activeCounts()[1] == 0)
            try await cluster.acquaint()
            for number in 0..<20 { _ = try await cluster[number % 3].object("Wanderer", "b\(number)").ask(Increase()) }
            #expect(await cluster.activeCounts()[1] == 0)
            #expect(await cluster.activeCounts().reduce(0, +) == 40)
        }
    }

    @Test func theLastNodeKeepsItsObjectsUntilItEnds() async throws {
        try await withHosts(1, hosting: Wanderer.self, Tally.self) { cluster in
            cluster[0].ownership.prepareToLeave()
            let totals = [
                try await cluster[0].object("Wanderer", "a").ask(Increase()), try await cluster[0].object("Tally", "a").ask(Increase()),
            ]
            #expect(totals == [1, 1])
        }
    }

    @Test func aDeadNodeThatIsStillAMemberKeepsNothingForLong() async throws {
        try await withHosts(2, hosting: Wanderer.self) { cluster in
            cluster[1].die()
            try await cluster.whileTimePasses(keeping: cluster[0]) {
                for number in 0..<20 {
                    _ = try await cluster[0].object("Wanderer", "\(number)").ask(Increase(), timeout: .seconds(600))
                }
            }
            #expect(await cluster.activeCounts()[0] == 20)
        }
    }
}
