import TestSupport

@testable import RivuletContract

/// A stream, a bus that loses, doubles and reorders, and a follower between them; how they interleave is decided from outside.
struct FollowModel {
    static let epoch = "e1"

    private(set) var machine: FollowMachine
    private let object: String?
    private let pageSize: Int
    /// How many events a read looks at, at most.
    private let lookLimit: Int
    /// The object of each event.
    private var log: [String]
    private var buffer: [EventEnvelope] = []
    private var heldBack: [EventEnvelope] = []
    private var hasLost = false
    /// Whether a read was begun and its page not taken yet.
    private var reading: UInt64?
    private(set) var outputs: [FollowMachine.Output] = []

    init(
        history: [String], object: String?, pageSize: Int, lookLimit: Int = 1000, from start: StartPosition, follows: Bool = true
    ) {
        log = history
        self.object = object
        self.pageSize = pageSize
        self.lookLimit = lookLimit
        machine = FollowMachine(from: start, ofOneObject: object != nil, follows: follows)
    }

    static func event(_ sequence: Int, in log: [String], epoch: String = epoch) -> EventEnvelope? {
        let object = log[sequence - 1]
        let previous = log[..<(sequence - 1)].lastIndex(of: object).map { $0 + 1 } ?? 0
        guard let subject = try? ObjectSubject.event(ObjectID(kind: "K", id: object), name: "E") else { return nil }
        return try? EventEnvelope(
            subject: subject, position: Position(epoch: epoch, sequence: UInt64(sequence)), previous: UInt64(previous),
            time: Timestamp(nanoseconds: 0), payload: [])
    }

    func wanted(after sequence: Int) -> [UInt64] {
        log.indices.filter { $0 + 1 > sequence && (object == nil || log[$0] == object) }.map { UInt64($0 + 1) }
    }

    var delivered: [UInt64] {
        outputs.compactMap { if case .event(_, let position) = $0 { position.sequence } else { nil } }
    }

    var isIdle: Bool { reading == nil && buffer.isEmpty && !hasLost && machine.step != .read(from: nextRead) }
    private var nextRead: UInt64 { if case .read(let from) = machine.step { from } else { 0 } }

    /// An event is committed, and its live message has one of four fates.
    mutating func commit(_ committer: String, _ choices: inout some Deciding) {
        log.append(committer)
        let late = heldBack
        heldBack = []
        if object == nil || committer == object, let event = Self.event(log.count, in: log) {
            switch choices.choose(4) {
            case 0: buffer.append(event)
            case 1: buffer += [event, event]
            case 2: heldBack = [event]
            default: break  // lost
            }
        }
        buffer += late
    }

    /// The bus says that messages may have been lost.
    mutating func interrupt() {
        buffer += heldBack
        heldBack = []
        hasLost = true
    }

    /// The follower does the next thing it can do. A read takes two steps, between which other things can happen.
    mutating func step() {
        if let from = reading {
            reading = nil
            outputs += machine.take(page(from: from))
            return
        }
        switch machine.step {
        case .finish: break
        case .read(let from):
            buffer = []
            hasLost = false
            reading = from
        case .listen:
            if hasLost {
                hasLost = false
                buffer = []
                machine.lostLiveMessages()
            } else if !buffer.isEmpty {
                outputs += machine.take(live: buffer.removeFirst())
            }
        }
    }

    private func page(from: UInt64) -> FollowMachine.Page {
        let wanted = log.indices.dropFirst(Int(clamping: from - 1))
        let matching = wanted.prefix(lookLimit).filter { object == nil || log[$0] == object }
        let events = matching.prefix(pageSize).compactMap { Self.event($0 + 1, in: log) }
        let isToTheEnd = wanted.count <= lookLimit
        let pending = UInt64(max(matching.count - events.count, isToTheEnd ? 0 : 1))
        let lookedAt = events.count == pageSize ? matching[pageSize - 1] : (wanted.prefix(lookLimit).last ?? 0)
        let looked = pending > 0 ? UInt64(lookedAt + 1) : UInt64(log.count)
        return FollowMachine.Page(events: events, pending: pending, looked: Position(epoch: Self.epoch, sequence: looked))
    }
}
