import RivuletSubscriptions
import RivuletTesting
import Synchronization
import Testing

@Suite("Manual time")
struct ManualTimeTests {
    private final class Calls: Sendable {
        private let made = Mutex<[String]>([])
        var all: [String] { made.withLock { $0 } }
        func add(_ call: String) { made.withLock { $0.append(call) } }
    }

    private let time = ManualTime(wallTime: Timestamp(nanoseconds: 1000))
    private let calls = Calls()

    private func schedule(_ name: String, at deadline: Duration) -> ScheduledAction {
        let (time, calls) = (time, calls)
        return time.schedule(at: deadline) { calls.add("\(name)@\(time.now / .seconds(1))") }
    }

    @Test("what is due is called in order of time, each at its own time")
    func order() {
        _ = schedule("c", at: .seconds(3))
        _ = schedule("a", at: .seconds(1))
        _ = schedule("b", at: .seconds(2))
        _ = schedule("b2", at: .seconds(2))
        #expect(time.nextDeadline == .seconds(1))
        time.advance(by: .seconds(2))
        #expect(calls.all == ["a@1.0", "b@2.0", "b2@2.0"])
        #expect(time.nextDeadline == .seconds(3))
        time.advance(by: .seconds(10))
        #expect(calls.all.last == "c@3.0")
        #expect(time.now == .seconds(12))
        #expect(time.nextDeadline == nil)
    }

    @Test("what an action schedules falls due in the same advance")
    func chain() {
        let (time, calls) = (time, calls)
        _ = time.schedule(at: .seconds(1)) {
            _ = time.schedule(at: time.now + .seconds(1)) { calls.add("\(time.now / .seconds(1))") }
        }
        time.advance(by: .seconds(2))
        #expect(calls.all == ["2.0"])
    }

    @Test("a cancelled action is not called")
    func cancel() {
        let action = schedule("a", at: .seconds(1))
        action.cancel()
        time.advance(by: .seconds(2))
        #expect(calls.all.isEmpty)
        #expect(time.nextDeadline == nil)
    }

    @Test("an action whose deadline has passed is called by the next advance, even by nothing")
    func overdue() {
        time.advance(by: .seconds(5))
        _ = schedule("late", at: .seconds(1))
        #expect(calls.all.isEmpty)
        time.advance(by: .zero)
        #expect(calls.all == ["late@5.0"])
    }

    @Test("the wall moves along, and may jump alone")
    func wall() {
        time.advance(by: .nanoseconds(500))
        #expect(time.wallTime == Timestamp(nanoseconds: 1500))
        time.jumpWall(to: Timestamp(nanoseconds: 10))
        time.advance(by: .nanoseconds(5))
        #expect(time.wallTime == Timestamp(nanoseconds: 15))
        #expect(time.now == .nanoseconds(505))
    }
}
