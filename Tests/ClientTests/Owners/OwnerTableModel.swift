import RivuletSubscriptions
import TestSupport
import Testing

@testable import RivuletClient

/// A client, and paths that deliver what is sent over them in order, each at its own pace. Every step is random.
struct OwnerTableModel {
    private struct Sent {
        let object: ObjectID
        let number: Int
        let isRequest: Bool
        let ticket: OwnerTable.Ticket
    }

    private struct Answer {
        let request: Sent
        let outcome: OwnerTable.Outcome
    }

    private var table: OwnerTable
    private var generator: SeededGenerator
    private let objects: [ObjectID]
    private var paths: [OwnerTable.Path: [Sent]] = [:]
    private var answers: [Answer] = []
    /// The requests whose answers nobody waits for any more.
    private var abandoned: Set<OwnerTable.Ticket> = []
    private var numbers: [ObjectID: Int] = [:]
    private var links = [1, 2, 3]
    private var lastLink = 3
    private(set) var delivered: [ObjectID: [Int]] = [:]
    private(set) var deliveredDirectly = 0
    private(set) var mostRemembered = 0

    init(seed: UInt64, objects count: Int, limit: Int) {
        generator = SeededGenerator(seed: seed)
        table = OwnerTable(limit: limit)
        objects = (0..<count).map { ObjectID(kind: "O", id: "\($0)") }
    }

    mutating func step() {
        switch Int.random(in: 0..<100, using: &generator) {
        case ..<28: send()
        case ..<64: deliver()
        case ..<97: answer()
        case ..<99: abandon()
        default: loseLink()
        }
        mostRemembered = max(mostRemembered, table.count)
    }

    mutating func finish() {
        for path in Array(paths.keys) { while paths[path]?.isEmpty == false { deliver(path) } }
    }

    private mutating func send() {
        guard let object = objects.randomElement(using: &generator) else { return }
        let isRequest = Int.random(in: 0..<4, using: &generator) > 0
        guard case .go(let path) = table.route(to: object, isRequest: isRequest) else { return }
        let number = numbers[object, default: 0]
        numbers[object] = number + 1
        let ticket = table.sent(to: object, isRequest: isRequest)
        #expect(ticket.path == path)
        paths[path, default: []].append(Sent(object: object, number: number, isRequest: isRequest, ticket: ticket))
    }

    private mutating func deliver() {
        guard let path = paths.filter({ !$0.value.isEmpty }).map(\.key).sorted(by: { $0.order < $1.order }).randomElement(using: &generator)
        else { return }
        deliver(path)
    }

    private mutating func deliver(_ path: OwnerTable.Path) {
        guard let message = paths[path]?.removeFirst() else { return }
        if path != .main, Int.random(in: 0..<50, using: &generator) == 0 {
            if message.isRequest { answers.append(Answer(request: message, outcome: .refused)) }
            return
        }
        delivered[message.object, default: []].append(message.number)
        if path != .main { deliveredDirectly += 1 }
        guard message.isRequest else { return }
        let isLost = Int.random(in: 0..<20, using: &generator) == 0
        answers.append(Answer(request: message, outcome: isLost ? .unknown : .answered(better: better(for: message.object))))
    }

    /// Mostly the same for an object.
    private mutating func better(for object: ObjectID) -> OwnerTable.Path {
        let home = object.id.utf8.reduce(0) { $0 + Int($1) } % links.count
        let place = Int.random(in: 0..<10, using: &generator) > 0 ? home : Int.random(in: -1..<links.count, using: &generator)
        return place < 0 ? .main : .direct(links[place])
    }

    private mutating func answer() {
        guard let index = answers.indices.randomElement(using: &generator) else { return }
        let answer = answers.remove(at: index)
        guard !abandoned.contains(answer.request.ticket) else { return }
        var outcome = answer.outcome
        // What an answer says is looked up when it arrives.
        if case .answered(.direct(let number)) = outcome, !links.contains(number) { outcome = .answered(better: .main) }
        table.ended(answer.request.ticket, to: answer.request.object, outcome)
    }

    /// A request times out before it has arrived.
    private mutating func abandon() {
        let requests = paths.values.flatMap { $0 }.filter { $0.isRequest && !abandoned.contains($0.ticket) }
        guard let request = requests.min(by: { $0.ticket.number < $1.ticket.number }) else { return }
        abandoned.insert(request.ticket)
        table.ended(request.ticket, to: request.object, .unknown)
    }

    private mutating func loseLink() {
        guard let index = links.indices.randomElement(using: &generator) else { return }
        lastLink += 1
        let path = OwnerTable.Path.direct(links[index])
        table.lost(links[index])
        links[index] = lastLink
        let requests = (paths.removeValue(forKey: path) ?? []).filter(\.isRequest)
        answers.removeAll { $0.request.ticket.path == path }
        for request in requests where !abandoned.contains(request.ticket) { table.ended(request.ticket, to: request.object, .unknown) }
    }
}

extension OwnerTable.Path {
    fileprivate var order: Int { if case .direct(let number) = self { number } else { 0 } }
}
