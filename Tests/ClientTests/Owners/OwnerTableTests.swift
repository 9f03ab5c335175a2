import RivuletSubscriptions
import Testing

@testable import RivuletClient

@Suite struct OwnerTableTests {
    private let object = ObjectID(kind: "O", id: "1")
    private let other = ObjectID(kind: "O", id: "2")

    private func direct(limit: Int = 10) -> OwnerTable {
        var table = OwnerTable(limit: limit)
        let ticket = table.sent(to: object, isRequest: true)
        table.ended(ticket, to: object, .answered(better: .direct(1)))
        return table
    }

    @Test func theAnswerToTheOnlyMessageChangesThePath() {
        let table = direct()
        #expect(table.route(to: object, isRequest: true) == .go(.direct(1)))
        #expect(table.route(to: object, isRequest: false) == .go(.direct(1)))
        #expect(table.route(to: other, isRequest: true) == .go(.main))
    }

    @Test func aMessageThatWasSentSinceKeepsThePathUntilOneAfterItIsAnswered() {
        var table = OwnerTable(limit: 10)
        let first = table.sent(to: object, isRequest: true)
        _ = table.sent(to: object, isRequest: false)
        table.ended(first, to: object, .answered(better: .direct(1)))
        #expect(table.route(to: object, isRequest: true) == .go(.main))
        let second = table.sent(to: object, isRequest: true)
        table.ended(second, to: object, .answered(better: .direct(1)))
        #expect(table.route(to: object, isRequest: true) == .go(.direct(1)))
    }

    @Test func whatWasNotCountedProvesNothing() {
        var table = OwnerTable(limit: 10)
        table.ended(.uncounted, to: object, .answered(better: .direct(1)))
        let ticket = table.sent(to: object, isRequest: true, isCounted: false)
        table.ended(ticket, to: object, .answered(better: .direct(1)))
        #expect(table.route(to: object, isRequest: true) == .go(.main))
        let counted = table.sent(to: object, isRequest: true)
        table.ended(counted, to: object, .answered(better: .direct(1)))
        #expect(table.route(to: object, isRequest: true) == .go(.direct(1)))
    }

    @Test func requestsWaitForTheLastAnswerOnceAChangeIsWanted() {
        var table = OwnerTable(limit: 10)
        table.ended(.uncounted, to: object, .answered(better: .direct(1)))
        let first = table.sent(to: object, isRequest: true)
        let last = table.sent(to: object, isRequest: true)
        #expect(table.route(to: object, isRequest: true) == .go(.main))
        table.ended(first, to: object, .answered(better: .direct(1)))
        #expect(table.route(to: object, isRequest: true) == .wait)
        #expect(table.route(to: object, isRequest: false) == .go(.main))
        table.ended(last, to: object, .answered(better: .direct(1)))
        #expect(table.route(to: object, isRequest: true) == .go(.direct(1)))
    }

    @Test func aChangeIsGivenUpForAMessageThatNobodyAnswersAndWhenTheLastAnswerDoesNotCome() {
        for isSend in [true, false] {
            var table = OwnerTable(limit: 10)
            table.ended(.uncounted, to: object, .answered(better: .direct(1)))
            let first = table.sent(to: object, isRequest: true)
            let last = table.sent(to: object, isRequest: true)
            table.ended(first, to: object, .answered(better: .direct(1)))
            if isSend { _ = table.sent(to: object, isRequest: false) } else { table.ended(last, to: object, .unknown) }
            #expect(table.route(to: object, isRequest: true) == .go(.main))
        }
    }

    @Test func thePathFollowsTheOwnerAndLeavesWhoRefuses() {
        var table = direct()
        let moved = table.sent(to: object, isRequest: true)
        table.ended(moved, to: object, .answered(better: .direct(2)))
        #expect(table.route(to: object, isRequest: true) == .go(.direct(2)))
        let refused = table.sent(to: object, isRequest: true)
        table.ended(refused, to: object, .refused)
        #expect(table.route(to: object, isRequest: true) == .go(.main))
        #expect(table.count == 0)
    }

    @Test func aLateAnswerOverAnOldPathChangesNothing() {
        var table = OwnerTable(limit: 10)
        let early = table.sent(to: object, isRequest: true)
        let last = table.sent(to: object, isRequest: true)
        table.ended(last, to: object, .answered(better: .direct(1)))
        table.ended(early, to: object, .answered(better: .direct(2)))
        #expect(table.route(to: object, isRequest: true) == .go(.direct(1)))
    }

    @Test func aLostConnectionIsForgotten() {
        var table = direct()
        table.lost(2)
        #expect(table.route(to: object, isRequest: true) == .go(.direct(1)))
        table.lost(1)
        #expect(table.route(to: object, isRequest: true) == .go(.main))
        #expect(table.count == 0)
    }

    @Test func theLeastRecentlyUsedObjectGoesUnlessItIsWaitedFor() {
        var table = OwnerTable(limit: 3)
        func learn(_ id: String) {
            let object = ObjectID(kind: "O", id: id)
            let ticket = table.sent(to: object, isRequest: true)
            table.ended(ticket, to: object, .answered(better: .direct(1)))
        }
        func isKnown(_ id: String) -> Bool { table.route(to: ObjectID(kind: "O", id: id), isRequest: true) == .go(.direct(1)) }
        for id in ["a", "b", "c"] { learn(id) }
        learn("a")
        learn("d")
        #expect(["a", "b", "c", "d"].map(isKnown) == [true, false, true, true])
        _ = table.sent(to: ObjectID(kind: "O", id: "c"), isRequest: false)
        for id in ["a", "d", "e"] { learn(id) }
        #expect(["a", "c", "d", "e"].map(isKnown) == [false, true, true, true])
        for id in ["c", "d", "e"] { _ = table.sent(to: ObjectID(kind: "O", id: id), isRequest: false) }
        learn("f")
        #expect(["c", "d", "e", "f"].map(isKnown) == [true, true, true, false])
    }

    @Test(arguments: [(1, 10), (3, 10), (6, 2), (6, 4)]) func nothingIsOvertakenUnderAnySchedule(objects: Int, limit: Int) {
        var deliveredDirectly = 0
        for seed in 0..<60 {
            var model = OwnerTableModel(seed: UInt64(seed), objects: objects, limit: limit)
            for _ in 0..<1500 { model.step() }
            model.finish()
            for numbers in model.delivered.values { #expect(numbers == numbers.sorted(), "seed \(seed)") }
            #expect(model.mostRemembered <= limit)
            deliveredDirectly += model.deliveredDirectly
        }
        #expect(deliveredDirectly > 1000)
    }
}
