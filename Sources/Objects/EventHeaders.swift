extension Headers {
    /// The headers of a live event.
    static func event(stream: String, position: Position, previous: UInt64, time: Timestamp) -> Headers {
        var headers = Headers()
        headers.add(HeaderName.stream, stream)
        headers.add(HeaderName.sequence, String(position.sequence))
        headers.add(HeaderName.timeStamp, time.description)
        headers.add(HeaderName.epoch, position.epoch)
        headers.add(HeaderName.previous, String(previous))
        return headers
    }

    /// Whether another node has handed the message on to this one.
    var isHandedOn: Bool { !isEmpty && self[HeaderName.hop] != nil }

    /// What in them says of which trace they are part.
    var trace: Headers {
        var trace = Headers()
        guard !isEmpty else { return trace }
        for name in [HeaderName.traceParent, HeaderName.traceState] { trace[name] = self[name] }
        return trace
    }

    /// Makes them part of a trace, unless they say already of which they are.
    mutating func carryOn(_ trace: Headers) {
        guard !trace.contains(where: { self[$0.name] != nil }) else { return }
        for (name, value) in trace { add(name, value) }
    }
}
