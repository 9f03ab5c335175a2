import RivuletBackbone
import RivuletContract
import TestSupport
import Testing

@testable import RivuletObjects

@Suite(.timeLimit(.minutes(2))) struct StreamFeedMachineTests {
    private enum Act { case mine(Int), others(Int), unknown(Int), replacement }

    /// Runs a feed while the stream grows as written, however everything else interleaves. What went wrong, if anything did.
    private func run(
        _ acts: [Act], on model: inout FeedModel, after history: Int = 0, looks: Int, failures: Int, _ choices: inout some Deciding
    ) -> String? {
        var (acts, looks, failures) = (acts[...], looks, failures)
        while let act = acts.first {
            let possible = model.possible.filter { ($0 != .beginLook || looks > 0) && ($0 != .fail || failures > 0) }
            let choice = choices.choose(possible.count + 1)
            if choice < possible.count {
                if possible[choice] == .beginLook { looks -= 1 }
                if possible[choice] == .fail { failures -= 1 }
                model.take(possible[choice])
                continue
            }
            acts.removeFirst()
            switch act {
            case .mine(let count): model.commit(count, isMine: true)
            case .unknown(let count): model.commit(count, isMine: true, isKnown: false)
            case .others(let count): model.commit(count, isMine: false)
            case .replacement: model.replaceStream()
            }
        }
        model.settle()
        return model.fault(after: history)
    }

    @Test(arguments: [
        [Act.others(1), .mine(2), .mine(1)], [.mine(1), .others(2), .mine(1)], [.mine(1), .unknown(1), .mine(1)],
        [.mine(1), .mine(1), .others(1)], [.mine(1), .replacement, .mine(1)], [.others(2), .replacement, .others(1)],
    ])
    private func eventsComeOnceAndInOrderHoweverCommitsLooksAndPagesInterleave(acts: [Act]) {
        var choices = Choices()
        var ways = 0
        repeat {
            ways += 1
            var model = FeedModel(pageSize: 1)
            if let fault = run(acts, on: &model, looks: 1, failures: 1, &choices) {
                Issue.record("way \(ways): \(fault); \(choices)")
                return
            }
        } while choices.next()
        #expect(ways > 50)
    }

    @Test func whoComesAtAnyTimeMissesNothingFromThenOn() {
        for seed in 0..<5000 as Range<UInt64> {
            var random = SeededGenerator(seed: seed)
            var model = FeedModel(pageSize: 2, isFollowed: false)
            for _ in 0..<random.choose(30) {
                switch random.choose(4) {
                case 0: model.commit(1, isMine: random.choose(2) == 0)
                default:
                    // It comes seldom, or hardly anything would have happened before.
                    let steps = model.possible.filter { $0 != .fail && ($0 != .follow || random.choose(6) == 0) }
                    guard !steps.isEmpty else { break }
                    model.take(steps[random.choose(steps.count)])
                }
            }
            model.settle()
            let fault = model.faultForLateFollower()
            #expect(fault == nil, "seed \(seed)")
        }
    }

    @Test func eventsComeOnceAndInOrderInLongRandomRuns() {
        for seed in 0..<2000 as Range<UInt64> {
            var random = SeededGenerator(seed: seed)
            let acts = (0..<random.choose(40)).map { _ -> Act in
                switch random.choose(20) {
                case 0: .replacement
                case 1, 2: .unknown(1 + random.choose(3))
                case 3...9: .others(1 + random.choose(3))
                default: .mine(1 + random.choose(3))
                }
            }
            let history = random.choose(4)
            var model = FeedModel(history: history, pageSize: 1 + random.choose(5), capacity: 1 + random.choose(6))
            let fault = run(acts, on: &model, after: history, looks: .max, failures: .max, &random)
            #expect(fault == nil, "seed \(seed)")
        }
    }

    @Test func whatThisNodeCommitsAloneIsNeverRead() {
        for seed in 0..<500 as Range<UInt64> {
            var random = SeededGenerator(seed: seed)
            let acts = (0..<random.choose(40)).map { _ in Act.mine(1 + random.choose(3)) }
            var model = FeedModel(history: 3, pageSize: 5)
            let fault = run(acts, on: &model, after: 3, looks: .max, failures: 0, &random)
            #expect(fault == nil, "seed \(seed)")
            #expect(model.reads == 0, "seed \(seed)")
        }
    }

    // MARK: One thing at a time

    private func turn(_ first: UInt64, _ count: Int = 1, epoch: String = "1", bytes: Int = 1) -> CommittedEvents {
        CommittedEvents(
            events: Array(
                repeating: NewEvent(subject: Subject(received: "evt.K.a.E".utf8), payload: Array(repeating: 49, count: bytes)), count: count
            ),
            receipt: CommitReceipt(streamEpoch: epoch, firstSequence: first, previousSequence: 0, time: Timestamp(nanoseconds: 0)))
    }

    private func page(_ sequences: ClosedRange<UInt64>, of last: UInt64, first: UInt64 = 1, epoch: String = "1") -> EventPage {
        EventPage(
            state: StreamState(epoch: epoch, first: first, last: last), events: sequences.map { FeedModel.event($0) },
            looked: sequences.upperBound, pending: last - sequences.upperBound)
    }

    private func machine(at last: UInt64, capacity: Int = 4096, byteCapacity: Int = 1 << 20) -> StreamFeedMachine {
        StreamFeedMachine(after: StreamState(epoch: "1", first: 1, last: last), capacity: capacity, byteCapacity: byteCapacity)
    }

    @Test func whatOthersCommittedBetweenIsReadFirst() {
        var machine = machine(at: 5)
        #expect(machine.committed([turn(9, 2)]) == .read(6...8))
        let page = page(6...8, of: 10)
        #expect(machine.take(page) == .deliver(.read(page.events, epoch: "1")))
        #expect(machine.delivered() == .deliver(.committed([turn(9, 2)], from: 9)))
        #expect(machine.delivered() == .none)
    }

    @Test func ofATurnThatAPageCutsTheRestComesFromMemory() {
        var machine = machine(at: 5)
        #expect(machine.committed([turn(7, 3)]) == .read(6...6))
        _ = machine.take(page(6...8, of: 9))
        #expect(machine.delivered() == .deliver(.committed([turn(7, 3)], from: 9)))
    }

    @Test func turnsThatFollowEachOtherAreGivenOutTogether() {
        var machine = machine(at: 5, capacity: 3)
        let turns = [turn(6, 2), turn(8, 4), turn(12, 1), turn(15, 1)]
        #expect(machine.committed(turns) == .deliver(.committed(Array(turns[0...2]), from: 6)))
        #expect(machine.committed([turn(16, 1)]) == .read(13...14))
        #expect(machine.delivered() == .none)
        _ = machine.take(page(13...14, of: 16))
        #expect(machine.delivered() == .deliver(.committed([turn(15, 1), turn(16, 1)], from: 15)))
    }

    @Test func whatFindsNoRoomIsRead() {
        var machine = machine(at: 0, capacity: 3, byteCapacity: 100)
        #expect(machine.committed([turn(2, 2)]) == .read(1...1))
        #expect(machine.committed([turn(4, 2)]) == .none)
        #expect(machine.committed([turn(6, 1, bytes: 200)]) == .none)
        #expect(machine.waiting == 2)
        _ = machine.take(page(1...1, of: 3))
        #expect(machine.delivered() == .deliver(.committed([turn(2, 2)], from: 2)))
        #expect(machine.delivered() == .read(4...6))
    }

    @Test func readsThatFailAreRepeatedAfterGrowingPauses() {
        var machine = machine(at: 1)
        #expect(machine.see(head: 2) == .read(2...2))
        #expect(machine.readFailed() == .pause(.milliseconds(50)))
        #expect(machine.see(head: 3) == .none)
        #expect(machine.retry() == .read(2...3))
        #expect(machine.readFailed() == .pause(.milliseconds(100)))
        for _ in 0..<100 {
            #expect(machine.retry() == .read(2...3))
            guard case .pause(let pause) = machine.readFailed() else {
                Issue.record("no pause")
                return
            }
            #expect(pause <= .seconds(2))
        }
        // What is next in the stream need not wait.
        #expect(machine.committed([turn(2)]) == .deliver(.committed([turn(2)], from: 2)))
    }

    @Test func aStreamMadeAnewIsReadFromItsBeginning() {
        var machine = machine(at: 5)
        _ = machine.see(head: 5)
        #expect(machine.see(head: 2) == .read(6...6))
        let nothing = EventPage(state: StreamState(epoch: "2", first: 1, last: 2), events: [])
        #expect(machine.take(nothing) == .read(1...2))
        let page = page(1...2, of: 2, epoch: "2")
        #expect(machine.take(page) == .deliver(.read(page.events, epoch: "2")))
        #expect(machine.delivered() == .none)
        // The old stream's last commit came late.
        #expect(machine.committed([turn(6)]) == .read(3...3))
        #expect(machine.take(EventPage(state: StreamState(epoch: "2", first: 1, last: 2), events: [])) == .none)
    }

    @Test func aStreamThatWasPutBackGoesOnFromThere() {
        var machine = machine(at: 5)
        _ = machine.see(head: 5)
        #expect(machine.see(head: 2) == .read(6...6))
        #expect(machine.take(EventPage(state: StreamState(epoch: "1", first: 1, last: 2), events: [])) == .none)
        #expect(machine.committed([turn(3)]) == .deliver(.committed([turn(3)], from: 3)))
    }

    @Test func whatNobodyWantsIsPassedOver() {
        var machine = machine(at: 1)
        #expect(machine.see(head: 6) == .read(2...6))
        #expect(machine.passOver() == StreamFeedMachine.Action.none)
        #expect(machine.see(head: 6) == .none)
        #expect(machine.see(head: 7) == .read(7...7))
        let page = page(7...7, of: 7)
        #expect(machine.take(page) == .deliver(.read(page.events, epoch: "1")))
    }

    /// Somebody may come meanwhile, who gets the rest of what is out and then wants what follows it.
    @Test func whatFollowsADeliveryIsNotPassedOver() {
        var machine = machine(at: 1)
        #expect(machine.committed([turn(2)]) == .deliver(.committed([turn(2)], from: 2)))
        #expect(machine.see(head: 4) == .read(3...4))
        #expect(machine.passOver() == nil)
        #expect(machine.delivered() == .none)
        #expect(machine.passOver() == nil)
        let page = page(3...4, of: 4)
        #expect(machine.take(page) == .deliver(.read(page.events, epoch: "1")))
    }

    @Test func turnsThatWaitForWhatIsPassedOverFollow() {
        var machine = machine(at: 5)
        #expect(machine.committed([turn(9, 2)]) == .read(6...8))
        #expect(machine.passOver() == .deliver(.committed([turn(9, 2)], from: 9)))
    }

    @Test func aStreamThatMayBeAnotherIsReadAllTheSame() {
        var machine = machine(at: 5)
        _ = machine.see(head: 5)
        #expect(machine.see(head: 2) == .read(6...6))
        #expect(machine.passOver() == nil)
    }

    @Test func whatIsNotKeptAnyMoreIsPassedOver() {
        var machine = machine(at: 1)
        #expect(machine.see(head: 6) == .read(2...6))
        let page = page(5...6, of: 6, first: 5)
        #expect(machine.take(page) == .deliver(.read(page.events, epoch: "1")))
        #expect(machine.delivered() == .none)
        #expect(machine.see(head: 7) == .read(7...7))
        #expect(machine.take(EventPage(state: StreamState(epoch: "1", first: 8, last: 7), events: [])) == .none)
        #expect(machine.committed([turn(8)]) == .deliver(.committed([turn(8)], from: 8)))
    }
}
