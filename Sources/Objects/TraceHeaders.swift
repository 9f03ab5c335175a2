extension Headers {
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
