import NIOCore
import NIOEmbedded
import TestSupport
import Testing

@testable import RivuletBroker

/// What is to be done later on an event loop: when, how often, and at what cost.
@Suite(.timeLimit(.minutes(1)))
struct LoopTimersTests {
    @Test func theQueueHoldsWhatAListWould() {
        var random = SeededGenerator(seed: 7)
        var queue = DeadlineQueue<Int>()
        var list: [(deadline: NIODeadline, element: Int)] = []
        var tickets: [DeadlineQueue<Int>.Ticket] = []
        for element in 0..<20_000 {
            switch Int.random(in: 0..<8, using: &random) {
            case 0..<4:
                let deadline = NIODeadline.uptimeNanoseconds(.random(in: 0..<50, using: &random))
                tickets.append(queue.add(element, at: deadline))
                list.insert((deadline, element), at: list.firstIndex { $0.deadline > deadline } ?? list.count)
            case 4..<7:
                guard let index = tickets.indices.randomElement(using: &random) else { continue }
                // Some twice, which takes nothing else.
                let ticket = Bool.random(using: &random) ? tickets[index] : tickets.remove(at: index)
                let removed = queue.remove(ticket)
                let known = list.firstIndex { $0.element == removed }
                #expect((removed == nil) == (known == nil))
                if let known { list.remove(at: known) }
            default:
                let now = NIODeadline.uptimeNanoseconds(.random(in: 0..<50, using: &random))
                let expected = list.first.flatMap { $0.deadline <= now ? $0.element : nil }
                #expect(queue.removeNext(dueAt: now) == expected)
                if expected != nil { list.removeFirst() }
            }
            #expect(queue.count == list.count && queue.next == list.first?.deadline)
        }
    }

    /// With a search for each it would take many minutes.
    @Test func manyCanBeTakenBack() {
        var queue = DeadlineQueue<Int>()
        let tickets = (0..<200_000).map { queue.add($0, at: .uptimeNanoseconds(UInt64($0))) }
        for (element, ticket) in tickets.enumerated().reversed() where queue.remove(ticket) != element {
            Issue.record("\(element) was not there")
        }
        #expect(queue.count == 0)
    }

    @Test func thingsAreDoneInTimeAndNotBefore() {
        let loop = EmbeddedEventLoop()
        let timers = LoopTimers.of(loop)
        var done: [(Int64, late: Int64)] = []
        for time in [700, 15, 3, 250, 11, 251, 15] as [Int64] {
            timers.schedule(in: .milliseconds(time)) { done.append((time, late: loop.now.uptimeNanoseconds.milliseconds - time)) }
        }
        for _ in 0..<1000 { loop.advanceTime(by: .milliseconds(1)) }
        #expect(done.map(\.0) == [3, 11, 15, 15, 250, 251, 700])
        #expect(done.allSatisfy { (0...LoopTimers.step.nanoseconds / 1_000_000).contains($0.late) }, "\(done)")
    }

    @Test func whatIsCancelledIsNotDoneAndWhatIsDoneMayAskForMore() {
        let loop = EmbeddedEventLoop()
        let timers = LoopTimers.of(loop)
        var done: [String] = []
        let never = timers.schedule(in: .milliseconds(20)) { done.append("never") }
        let first = timers.schedule(in: .milliseconds(10)) {
            done.append("first")
            never.cancel()
            timers.schedule(in: .milliseconds(10)) { done.append("second") }
            timers.schedule(in: .zero) { done.append("at once") }
        }
        loop.advanceTime(by: .milliseconds(10))
        #expect(done == ["first", "at once"])
        first.cancel()
        never.cancel()
        loop.advanceTime(by: .seconds(1))
        #expect(done == ["first", "at once", "second"])
    }

    @Test func othersHaveTheThreadBetweenManyThings() {
        let loop = EmbeddedEventLoop()
        let timers = LoopTimers.of(loop)
        var done = 0
        var seen = 0
        timers.schedule(in: .milliseconds(5)) { loop.assumeIsolated().execute { seen = done } }
        for _ in 0..<10_000 { timers.schedule(in: .milliseconds(5)) { done += 1 } }
        loop.advanceTime(by: LoopTimers.step)
        #expect(done == 10_000)
        #expect(seen > 0 && seen < 1000)
    }
}

extension UInt64 {
    fileprivate var milliseconds: Int64 { Int64(self / 1_000_000) }
}
