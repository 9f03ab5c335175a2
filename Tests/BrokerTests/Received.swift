import RivuletWire

/// A message as a client got it.
struct Received: Equatable {
    var sid: String
    var subject: String
    var payload: String

    /// The messages in a stream that holds nothing else.
    static func messages(in bytes: [UInt8]) throws -> [Received] {
        let parser = FrameParser(limits: .client)
        var messages: [Received] = []
        var offset = 0
        while offset < bytes.count {
            guard case .frame(.message(let frame), let consumed) = try parser.nextServerFrame(in: bytes.span, from: offset) else {
                throw WireError.parserError
            }
            let text = { (range: Range<Int>) in String(decoding: bytes[range], as: UTF8.self) }
            messages.append(Received(sid: text(frame.sid), subject: text(frame.subject), payload: text(frame.payload)))
            offset += consumed
        }
        return messages
    }
}
