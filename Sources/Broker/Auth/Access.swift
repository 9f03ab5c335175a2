import NIOCore
import RivuletSubscriptions
import RivuletWire
import Synchronization

/// What the client of one connection may do now. Its subscriptions and the messages it publishes to the process carry it along.
///
/// Changed on the connection's event loop only, when it logs in and when the broker's settings were changed.
final class Access: MessageOrigin {
    private struct State {
        var grant: Grant?
        var replies = ExpectedReplies()
    }

    private let state = Mutex(State())
    /// Whether the client may answer requests it received. For a glance before each message.
    private let answers = Atomic(false)

    /// Whether anything is not allowed. Likewise.
    private let limits = Atomic(false)

    private let belongsToNode = Atomic(false)

    let receivingThread: (any DeliveringThread)?

    init(receivingThread: (any DeliveringThread)?) {
        self.receivingThread = receivingThread
    }

    var isNode: Bool { belongsToNode.load(ordering: .relaxed) }
    var answersRequests: Bool { answers.load(ordering: .relaxed) }
    var isLimited: Bool { limits.load(ordering: .relaxed) }

    /// Sets what is allowed; nil for everything.
    func set(_ grant: Grant?, isNode: Bool) {
        belongsToNode.store(isNode, ordering: .relaxed)
        state.withLock { $0.grant = grant }
        answers.store(grant?.responses != nil, ordering: .relaxed)
        limits.store(grant != nil, ordering: .relaxed)
    }

    /// Whether this use is allowed to the user. Rules for all users are ``Permissions``'.
    func allows(_ use: Permissions.Use, _ subject: some Collection<UInt8>) -> Bool {
        !isLimited || state.withLock { $0.grant }?.allows(use, subject) ?? true
    }

    /// Whether the process may send answers for the user to this subject.
    func allowsReply(at subject: some Collection<UInt8>) -> Bool {
        !isLimited || state.withLock { $0.grant }?.allowsReply(at: subject) ?? true
    }

    /// The client is about to get a request that it may answer.
    func expectAnswer(to reply: [UInt8]) {
        state.withLock { state in
            guard let responses = state.grant?.responses else { return }
            state.replies.expect(
                at: reply, ExpectedReplies.Allowance(messages: responses.maximumMessages, end: .now() + TimeAmount(responses.expiry)))
        }
    }

    /// Whether the client may publish to this subject since that answers a request; counts as an answer.
    func takeAnswer(to subject: [UInt8]) -> Bool {
        state.withLock { $0.grant?.responses != nil && $0.replies.take(subject, now: .now()) }
    }

    func mayReceive(_ subject: Subject) -> Bool { allows(.receive, subject.utf8) }

    func maySubscribe(to pattern: SubjectPattern) -> Bool { allows(.subscribe, pattern.utf8) }
}

/// The requests a client got and may answer. The oldest gives way when there are too many.
struct ExpectedReplies: Sendable {
    /// How often, and until when.
    struct Allowance: Sendable {
        var messages: Int
        var end: NIODeadline
    }

    /// As many as nats-server keeps.
    static let limit = 4096

    private var allowances: [[UInt8]: (allowance: Allowance, number: Int)] = [:]
    /// Subjects in the order they came, as a ring; some are answered already.
    private var order: [[UInt8]] = []
    private var number = 0

    mutating func expect(at subject: [UInt8], _ allowance: Allowance) {
        if order.count < Self.limit {
            order.append(subject)
        } else {
            let place = number % Self.limit
            let oldest = order[place]
            if let kept = allowances[oldest], kept.number == number - Self.limit { allowances[oldest] = nil }
            order[place] = subject
        }
        allowances[subject] = (allowance, number)
        number += 1
    }

    mutating func take(_ subject: [UInt8], now: NIODeadline) -> Bool {
        guard let kept = allowances[subject] else { return false }
        guard now < kept.allowance.end, kept.allowance.messages != 0 else {
            allowances[subject] = nil
            return false
        }
        if kept.allowance.messages > 0 { allowances[subject]?.allowance.messages -= 1 }
        return true
    }
}
