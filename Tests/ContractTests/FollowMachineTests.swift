import TestSupport
import Testing

@testable import RivuletContract

@Suite(.timeLimit(.minutes(2))) struct FollowMachineTests {
    /// Runs a follower to the end of a stream that grows meanwhile.
    private func check(
        history: [String], commits: [String], object: String?, pageSize: Int, lookLimit: Int = 1000, _ choices: inout some Deciding
    ) -> Bool {
        var model = FollowModel(history: history, object: object, pageSize: pageSize, lookLimit: lookLimit, from: .beginning)
        var left = commits[...]
        while let next = left.first {
            // Nothing else can happen when the follower is idle.
            if model.isIdle || choices.choose(2) == 0 {
                model.commit(next, &choices)
                left.removeFirst()
            } else {
                model.step()
            }
        }
        model.interrupt()
        while !model.isIdle { model.step() }
        return model.delivered == model.wanted(after: 0)
            && model.outputs.count(where: { $0 == .caughtUp }) == 1
            && model.outputs.count == model.delivered.count + 1
    }

    @Test(arguments: [nil, "a"], [1, 2])
    func everyEventComesOnceAndInOrderHoweverPagesAndLiveMessagesInterleave(object: String?, pageSize: Int) {
        var choices = Choices()
        var ways = 0
        repeat {
            ways += 1
            guard check(history: ["a", "b"], commits: ["a", "b", "a"], object: object, pageSize: pageSize, &choices) else {
                Issue.record("way \(ways) fails: \(choices)")
                return
            }
        } while choices.next()
        #expect(ways > 200)
    }

    @Test func everyEventComesOnceAndInOrderInLongRandomRuns() {
        for seed in 0..<500 as Range<UInt64> {
            var random = SeededGenerator(seed: seed)
            let history = (0..<random.choose(20)).map { _ in ["a", "b", "c"][random.choose(3)] }
            let commits = (0..<random.choose(60)).map { _ in ["a", "b", "c"][random.choose(3)] }
            let object = [nil, "a"][random.choose(2)]
            let (pageSize, lookLimit) = (1 + random.choose(5), [1, 3, 1000][random.choose(3)])
            #expect(
                check(history: history, commits: commits, object: object, pageSize: pageSize, lookLimit: lookLimit, &random), "seed \(seed)"
            )
        }
    }

    // MARK: - Where to start

    private func run(_ model: inout FollowModel) {
        for _ in 0..<20 { model.step() }
    }

    @Test(arguments: [
        (StartPosition.beginning, [1, 2, 3, 4] as [UInt64]), (.now, []), (.sequence(0), [1, 2, 3, 4]), (.sequence(1), [1, 2, 3, 4]),
        (.sequence(3), [3, 4]), (.sequence(9), []), (.after(Position(epoch: FollowModel.epoch, sequence: 2)), [3, 4]),
        (.after(Position(epoch: FollowModel.epoch, sequence: 4)), []),
    ])
    func theStartDecidesWhatIsRead(start: StartPosition, expected: [UInt64]) {
        var model = FollowModel(history: ["a", "b", "a", "b"], object: nil, pageSize: 3, from: start)
        run(&model)
        #expect(model.delivered == expected)
        #expect(model.outputs.last == .caughtUp)
    }

    @Test func historyEndsOnceItIsRead() {
        var model = FollowModel(history: ["a", "b", "a"], object: "a", pageSize: 1, from: .beginning, follows: false)
        run(&model)
        #expect(model.delivered == [1, 3])
        #expect(model.machine.step == .finish)
    }

    @Test func theEventAfterNowIsTheFirstThatComes() {
        var model = FollowModel(history: ["a", "b"], object: "a", pageSize: 10, from: .now)
        run(&model)
        var random = SeededGenerator(seed: 0)
        model.commit("a", &random)
        model.interrupt()
        run(&model)
        #expect(model.delivered == [3])
    }

    // MARK: - What is missing

    private func page(_ sequences: [Int], of log: [String], pending: UInt64 = 0, epoch: String = FollowModel.epoch) -> FollowMachine.Page {
        FollowMachine.Page(
            events: sequences.compactMap { FollowModel.event($0, in: log, epoch: epoch) }, pending: pending,
            looked: Position(epoch: epoch, sequence: UInt64(log.count)))
    }

    @Test func eventsThatAreNotKeptAnyMoreAreAGap() {
        var machine = FollowMachine(from: .after(Position(epoch: FollowModel.epoch, sequence: 1)), ofOneObject: false, follows: true)
        let outputs = machine.take(page([4, 5], of: ["a", "a", "a", "a", "a"]))
        #expect(outputs.first == .gap(.missing(2...3)))
        #expect(outputs.count == 4)
    }

    @Test func aStreamOfWhichNothingIsKeptIsAGap() {
        var machine = FollowMachine(from: .beginning, ofOneObject: false, follows: true)
        #expect(machine.take(page([], of: ["a", "a", "a"])) == [.gap(.missing(1...3)), .caughtUp])
    }

    @Test func whatAPageLookedThroughInVainIsAGapUnlessItIsOfOtherObjects() {
        var all = FollowMachine(from: .beginning, ofOneObject: false, follows: true)
        #expect(all.take(page([], of: ["a", "a"], pending: 1)) == [.gap(.missing(1...2))])
        #expect(all.step == .read(from: 3))
        var one = FollowMachine(from: .beginning, ofOneObject: true, follows: true)
        #expect(one.take(page([], of: ["b", "b"], pending: 1)).isEmpty)
        #expect(one.step == .read(from: 3))
    }

    @Test func anObjectsEventsThatAreNotKeptAnyMoreAreAGap() {
        var machine = FollowMachine(from: .beginning, ofOneObject: true, follows: true)
        let outputs = machine.take(page([5], of: ["a", "b", "a", "b", "a"]))
        #expect(outputs.first == .gap(.missing(1...3)))
    }

    @Test func aReplacedStreamIsReadFromItsBeginningAfterAGapWithBothEpochs() {
        let was = Position(epoch: "old", sequence: 7)
        var machine = FollowMachine(from: .after(was), ofOneObject: false, follows: true)
        #expect(machine.take(page([], of: ["a", "b"])) == [.gap(.replaced(was: was, epoch: FollowModel.epoch))])
        #expect(machine.step == .read(from: 1))
        #expect(machine.take(page([1, 2], of: ["a", "b"])).count == 3)
        #expect(machine.step == .listen)
    }

    @Test func aStreamThatWasPutBackIsTold() {
        let was = Position(epoch: FollowModel.epoch, sequence: 7)
        var machine = FollowMachine(from: .after(was), ofOneObject: false, follows: true)
        #expect(machine.take(page([], of: ["a", "b"])) == [.gap(.replaced(was: was, epoch: FollowModel.epoch))])
        #expect(machine.step == .read(from: 1))
    }

    @Test func aStreamThatIsPutBackWhileItIsFollowedIsTold() throws {
        let log = ["a", "b", "a", "b"]
        func follower() throws -> FollowMachine {
            var machine = FollowMachine(from: .beginning, ofOneObject: false, follows: true)
            _ = machine.take(page([1, 2], of: ["a", "b"]))
            for sequence in 3...4 {
                #expect(machine.take(live: try #require(FollowModel.event(sequence, in: log))).count == 1)
            }
            return machine
        }
        let put = FollowMachine.Output.gap(
            .replaced(was: Position(epoch: FollowModel.epoch, sequence: 4), epoch: FollowModel.epoch))
        // Number 3 comes again, and is another event.
        var live = try follower()
        #expect(live.take(live: try #require(FollowModel.event(3, in: ["a", "b", "b"]))).isEmpty)
        #expect(live.step == .read(from: 5))
        #expect(live.take(page([], of: ["a", "b", "b"])) == [put])
        #expect(live.step == .read(from: 1))
        // Or the connection is lost.
        var away = try follower()
        away.lostLiveMessages()
        #expect(away.take(page([], of: ["a", "b", "b"])) == [put])
    }

    @Test func whoWaitsForANumberThatIsNotThereYetIsToldOfNoLoss() {
        var machine = FollowMachine(from: .sequence(9), ofOneObject: false, follows: true)
        #expect(machine.take(page([], of: ["a", "b"])) == [.caughtUp])
        machine.lostLiveMessages()
        #expect(machine.take(page([], of: ["a", "b", "a"])).isEmpty)
    }

    @Test func aLiveMessageOfAnotherEpochLetsThePageDecide() throws {
        var machine = FollowMachine(from: .beginning, ofOneObject: false, follows: true)
        _ = machine.take(page([1], of: ["a"]))
        let stranger = try #require(FollowModel.event(2, in: ["a", "a"], epoch: "other"))
        #expect(machine.take(live: stranger).isEmpty)
        #expect(machine.step == .read(from: 2))
        var same = machine
        #expect(same.take(page([], of: ["a"])).isEmpty)
        #expect(same.step == .listen)
        #expect(
            machine.take(page([], of: ["a"], epoch: "other"))
                == [.gap(.replaced(was: Position(epoch: FollowModel.epoch, sequence: 1), epoch: "other"))])
        #expect(machine.step == .read(from: 1))
    }
}
