import RivuletBackbone

/// The events of one turn that this node has committed.
struct CommittedEvents: Sendable, Hashable {
    /// In order; at least one.
    let events: [NewEvent]
    let receipt: CommitReceipt
    /// The headers by which they are part of their turn's trace.
    var trace = Headers()

    var first: UInt64 { receipt.firstSequence }
    var last: UInt64 { receipt.firstSequence + UInt64(events.count) - 1 }
    var bytes: Int { events.reduce(0) { $0 + $1.payload.count } }
}

/// Events that follow each other in their stream, on their way to the subscribers.
enum EventPortion: Sendable, Hashable {
    /// Those from a number on, of turns that follow each other.
    case committed([CommittedEvents], from: UInt64)
    case read([StoredEvent], epoch: String)

    /// Calls `publish` with the message of each that is wanted, in order.
    func forEachMessage(of stream: String, where isWanted: (Subject) -> Bool, _ publish: (BusMessage) -> Void) {
        switch self {
        case .committed(let turns, let first):
            for turn in turns {
                for (offset, event) in turn.events.enumerated() {
                    let sequence = turn.first + UInt64(offset)
                    guard sequence >= first, isWanted(event.subject) else { continue }
                    let position = Position(epoch: turn.receipt.streamEpoch, sequence: sequence)
                    let previous = offset == 0 ? turn.receipt.previousSequence : sequence - 1
                    var headers = Headers.event(stream: stream, position: position, previous: previous, time: turn.receipt.time)
                    headers.carryOn(turn.trace)
                    publish(message(event.subject, headers, event.payload))
                }
            }
        case .read(let events, let epoch):
            for event in events where isWanted(event.subject) {
                let position = Position(epoch: epoch, sequence: event.sequence)
                let headers = Headers.event(stream: stream, position: position, previous: event.previous, time: event.time)
                publish(message(event.subject, headers, event.payload))
            }
        }
    }

    /// For this node: the feeds of the others bring it to theirs.
    private func message(_ subject: Subject, _ headers: Headers, _ payload: [UInt8]) -> BusMessage {
        var message = BusMessage(subject: subject, headers: headers, payload: payload)
        message.reach = .node
        return message
    }
}
