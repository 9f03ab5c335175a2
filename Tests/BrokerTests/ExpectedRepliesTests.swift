import NIOCore
import Testing

@testable import RivuletBroker

/// Which requests may be answered, without sockets and time.
struct ExpectedRepliesTests {
    private func subject(_ number: Int) -> [UInt8] { Array("r.\(number)".utf8) }

    private func allowance(_ messages: Int = 1, until end: Int64 = 100) -> ExpectedReplies.Allowance {
        ExpectedReplies.Allowance(messages: messages, end: NIODeadline.uptimeNanoseconds(0) + .nanoseconds(end))
    }

    private func now(_ time: Int64) -> NIODeadline { NIODeadline.uptimeNanoseconds(0) + .nanoseconds(time) }

    @Test func anAnswerMayComeSoOftenUntilItsTimeIsOver() {
        var replies = ExpectedReplies()
        replies.expect(at: subject(1), allowance(2))
        let answers = (0..<3).map { _ in replies.take(subject(1), now: now(99)) }
        #expect(answers == [true, true, false])
        replies.expect(at: subject(2), allowance())
        let late = replies.take(subject(2), now: now(100))
        let early = replies.take(subject(2), now: now(99))
        #expect(!late && !early)
        replies.expect(at: subject(3), allowance(-1))
        let all = (0..<100).allSatisfy { _ in replies.take(subject(3), now: now(0)) }
        #expect(all)
    }

    @Test func soManyRequestsAreKeptAndOfOneMoreTheOldestIsForgotten() {
        var replies = ExpectedReplies()
        for number in 0..<ExpectedReplies.limit { replies.expect(at: subject(number), allowance(2)) }
        let first = replies.take(subject(0), now: now(0))
        #expect(first)
        replies.expect(at: subject(ExpectedReplies.limit), allowance())
        let forgotten = replies.take(subject(0), now: now(0))
        let next = replies.take(subject(1), now: now(0))
        let last = replies.take(subject(ExpectedReplies.limit), now: now(0))
        #expect(!forgotten && next && last)
        // A subject that comes again counts from then on.
        replies.expect(at: subject(2), allowance())
        for number in 0..<(ExpectedReplies.limit - 1) { replies.expect(at: subject(10_000 + number), allowance()) }
        let renewed = replies.take(subject(2), now: now(0))
        #expect(renewed)
    }
}
