/// Reads frames from bytes, in place.
///
/// A parser keeps nothing between calls: what it returns depends on the bytes and the offset only. So the frames do not depend on
/// how a stream was split into reads, and whoever owns the bytes decides how to keep the rest of an incomplete frame.
/// Nothing is allocated, copied or decoded; frames are ranges of the bytes given.
///
/// Names of operations are accepted in any case, arguments are separated by spaces or tabs, a control line ends in CRLF or LF, and
/// a payload in CRLF, as nats-server accepts them.
public struct FrameParser: Sendable {
    /// What the parser accepts.
    public let limits: WireLimits

    /// A parser with the given limits.
    public init(limits: WireLimits) {
        self.limits = limits
    }

    /// The outcome of parsing at an offset.
    public enum Result<Frame: Sendable>: Sendable {
        /// A frame, and the number of bytes from the offset to the byte after it.
        case frame(Frame, consumed: Int)
        /// The frame is not complete. It cannot be before there are `atLeast` bytes from the offset on.
        case incomplete(atLeast: Int)
    }

    /// The client operation that starts at `offset`, as a server reads it.
    ///
    /// - Throws: what is wrong with it. The stream cannot be followed beyond such an error.
    public func nextClientFrame(in bytes: borrowing Span<UInt8>, from offset: Int) throws(WireError) -> Result<ClientFrame> {
        guard let operation = try Operation(in: bytes, at: offset) else { return .incomplete(atLeast: bytes.count - offset + 1) }
        switch operation.name {
        case .pub, .hpub: return try publish(operation, in: bytes, from: offset)
        case .sub: return try subscribe(operation, in: bytes, from: offset)
        case .unsub: return try unsubscribe(operation, in: bytes, from: offset)
        case .ping: return try text(operation, in: bytes, from: offset) { _ in .ping }
        case .pong: return try text(operation, in: bytes, from: offset) { _ in .pong }
        case .connect: return try text(operation, in: bytes, from: offset) { .connect(json: $0) }
        case .ok: return try text(operation, in: bytes, from: offset) { _ in .ok }
        case .err:
            guard bytes[operation.end].isBlank else { throw .unknownProtocolOperation }
            return try text(operation, in: bytes, from: offset) { .error(text: $0) }
        case .info: return try text(operation, in: bytes, from: offset) { .info(json: $0) }
        default: throw .unknownProtocolOperation
        }
    }

    /// The server operation that starts at `offset`, as a client reads it.
    ///
    /// - Throws: what is wrong with it. The stream cannot be followed beyond such an error.
    public func nextServerFrame(in bytes: borrowing Span<UInt8>, from offset: Int) throws(WireError) -> Result<ServerFrame> {
        guard let operation = try Operation(in: bytes, at: offset) else { return .incomplete(atLeast: bytes.count - offset + 1) }
        switch operation.name {
        case .msg, .hmsg: return try message(operation, in: bytes, from: offset)
        case .ping: return try text(operation, in: bytes, from: offset) { _ in .ping }
        case .pong: return try text(operation, in: bytes, from: offset) { _ in .pong }
        case .ok: return try text(operation, in: bytes, from: offset) { _ in .ok }
        case .err: return try text(operation, in: bytes, from: offset) { .error(text: $0) }
        case .info: return try text(operation, in: bytes, from: offset) { .info(json: $0) }
        default: throw .unknownProtocolOperation
        }
    }

    /// The number that `range` of the bytes spells in decimal digits; nil if there is anything else, or it exceeds `Int`.
    public static func decimal(_ range: Range<Int>, in bytes: borrowing Span<UInt8>) -> Int? {
        guard !range.isEmpty, range.lowerBound >= 0, range.upperBound <= bytes.count else { return nil }
        var value = 0
        for index in range {
            let digit = bytes[index] &- UInt8(ascii: "0")
            guard digit <= 9 else { return nil }
            let (tens, overflow) = value.multipliedReportingOverflow(by: 10)
            guard !overflow else { return nil }
            let (sum, overflowOfSum) = tens.addingReportingOverflow(Int(digit))
            guard !overflowOfSum else { return nil }
            value = sum
        }
        return value
    }

    // MARK: - Operations without a payload

    private func text<Frame>(
        _ operation: Operation, in bytes: borrowing Span<UInt8>, from offset: Int, _ make: (Range<Int>) -> Frame
    ) throws(WireError) -> Result<Frame> {
        guard let line = try ControlLine.text(in: bytes, from: operation.end, limit: limits.controlLine) else {
            return .incomplete(atLeast: bytes.count - offset + 1)
        }
        return .frame(make(line.all), consumed: line.end - offset)
    }

    private func subscribe(
        _ operation: Operation, in bytes: borrowing Span<UInt8>, from offset: Int
    ) throws(WireError) -> Result<ClientFrame> {
        guard let line = try arguments(operation, in: bytes) else { return .incomplete(atLeast: bytes.count - offset + 1) }
        let frame: SubscribeFrame
        switch line.count {
        case 2: frame = SubscribeFrame(subject: line.first, queue: nil, sid: line.second)
        case 3: frame = SubscribeFrame(subject: line.first, queue: line.second, sid: line.third)
        default: throw .parserError
        }
        return .frame(.subscribe(frame), consumed: line.end - offset)
    }

    private func unsubscribe(
        _ operation: Operation, in bytes: borrowing Span<UInt8>, from offset: Int
    ) throws(WireError) -> Result<ClientFrame> {
        guard let line = try arguments(operation, in: bytes) else { return .incomplete(atLeast: bytes.count - offset + 1) }
        var max: Int?
        switch line.count {
        case 1: break
        case 2: max = Self.size(line.second, in: bytes)
        default: throw .parserError
        }
        return .frame(.unsubscribe(sid: line.first, max: max), consumed: line.end - offset)
    }

    // MARK: - Operations with a payload

    private func publish(
        _ operation: Operation, in bytes: borrowing Span<UInt8>, from offset: Int
    ) throws(WireError) -> Result<ClientFrame> {
        guard let line = try arguments(operation, in: bytes) else { return .incomplete(atLeast: bytes.count - offset + 1) }
        let hasHeaders = operation.name == .hpub
        let sizes = hasHeaders ? 2 : 1
        guard line.count == sizes + 1 || line.count == sizes + 2 else { throw .parserError }
        let reply = line.count == sizes + 2 ? line.second : nil
        let body = try self.body(
            after: line, headers: hasHeaders ? line[line.count - 2] : nil, total: line[line.count - 1], in: bytes)
        guard body.end <= bytes.count else { return .incomplete(atLeast: body.end - offset) }
        try Self.checkEnd(of: body, in: bytes)
        let canCopy = line.isCanonical && body.isCanonical && hasHeaders == (body.headers != nil)
        let frame = PublishFrame(
            subject: line.first, reply: reply, headers: body.headers, payload: body.payload,
            tail: canCopy ? line.second.lowerBound..<body.end : nil)
        return .frame(.publish(frame), consumed: body.end - offset)
    }

    private func message(
        _ operation: Operation, in bytes: borrowing Span<UInt8>, from offset: Int
    ) throws(WireError) -> Result<ServerFrame> {
        guard let line = try arguments(operation, in: bytes) else { return .incomplete(atLeast: bytes.count - offset + 1) }
        let hasHeaders = operation.name == .hmsg
        let sizes = hasHeaders ? 2 : 1
        guard line.count == sizes + 2 || line.count == sizes + 3 else { throw .parserError }
        let reply = line.count == sizes + 3 ? line.third : nil
        let body = try self.body(
            after: line, headers: hasHeaders ? line[line.count - 2] : nil, total: line[line.count - 1], in: bytes)
        guard body.end <= bytes.count else { return .incomplete(atLeast: body.end - offset) }
        try Self.checkEnd(of: body, in: bytes)
        let frame = MessageFrame(
            subject: line.first, sid: line.second, reply: reply, headers: body.headers, payload: body.payload)
        return .frame(.message(frame), consumed: body.end - offset)
    }

    private struct Body {
        var headers: Range<Int>?
        var payload: Range<Int>
        var end: Int
        var isCanonical: Bool
    }

    /// Where the parts of a message lie, from the sizes its line tells. They may lie beyond the bytes there are.
    private func body(
        after line: ControlLine, headers: Range<Int>?, total: Range<Int>, in bytes: borrowing Span<UInt8>
    ) throws(WireError) -> Body {
        guard let size = Self.size(total, in: bytes) else { throw .parserError }
        guard size <= limits.payload else { throw .maximumPayloadViolation }
        var headerSize = 0
        var isCanonical = !Self.hasLeadingZero(total, in: bytes)
        if let headers {
            guard let number = Self.size(headers, in: bytes), number <= size else { throw .parserError }
            guard number <= limits.headers else { throw .maximumPayloadViolation }
            headerSize = number
            isCanonical = isCanonical && !Self.hasLeadingZero(headers, in: bytes)
        }
        let start = line.end + headerSize
        let end = line.end + size
        return Body(
            headers: headerSize > 0 ? line.end..<start : nil, payload: start..<end, end: end + 2, isCanonical: isCanonical)
    }

    /// A number of the protocol, which has at most nine digits; nil if it is none.
    private static func size(_ range: Range<Int>, in bytes: borrowing Span<UInt8>) -> Int? {
        range.count <= 9 ? decimal(range, in: bytes) : nil
    }

    private static func hasLeadingZero(_ range: Range<Int>, in bytes: borrowing Span<UInt8>) -> Bool {
        range.count > 1 && bytes[range.lowerBound] == UInt8(ascii: "0")
    }

    private static func checkEnd(of body: Body, in bytes: borrowing Span<UInt8>) throws(WireError) {
        guard bytes[body.end - 2] == 0x0d, bytes[body.end - 1] == 0x0a else { throw .unknownProtocolOperation }
    }

    private func arguments(_ operation: Operation, in bytes: borrowing Span<UInt8>) throws(WireError) -> ControlLine? {
        guard bytes[operation.end].isBlank else { throw .unknownProtocolOperation }
        return try ControlLine.tokens(in: bytes, from: operation.end, limit: limits.controlLine)
    }
}
