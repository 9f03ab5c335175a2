import NIOCore
import NIOWebSocket

/// Reads the frames that a client sends: bytes go in; data and control frames come out.
///
/// A value without I/O. Data is handed out as it comes, so that frames cost no memory however long they are. Text is taken like binary
/// data, as nats-server does.
struct WebSocketDecoder {
    /// A frame that is not data.
    enum Control: Equatable {
        case ping([UInt8])
        case pong
        /// The payload, which is the same in the answer.
        case close([UInt8])
    }

    /// What the client did that no WebSocket may do.
    struct Violation: Error, Equatable {
        let code: WebSocketErrorCode
        let reason: String

        init(_ code: WebSocketErrorCode, _ reason: String) {
            self.code = code
            self.reason = reason
        }
    }

    private let maximumFrameSize: Int
    private var header: [UInt8] = []
    /// How long the header is, as far as that is known.
    private var headerLength = 2
    private var opcode = WebSocketOpcode.binary
    private var mask = WebSocketMask()
    /// How many bytes of the frame's payload are still to come; nil in the header.
    private var left: Int?
    private var control: [UInt8] = []
    /// Whether a message was begun whose last frame is still to come.
    private var isFragmented = false

    init(maximumFrameSize: Int) {
        self.maximumFrameSize = maximumFrameSize
    }

    /// Reads until a control frame is complete, which is returned, or all is read.
    ///
    /// - Parameter data: Gets the data that was read on the way.
    mutating func decode(_ input: inout ByteBuffer, into data: inout ByteBuffer) throws(Violation) -> Control? {
        while true {
            if left == nil {
                guard try readHeader(&input) else { return nil }
            }
            guard let expected = left else { return nil }
            let count = min(expected, input.readableBytes)
            guard var piece = input.readSlice(length: count) else { return nil }
            if opcode.isControlOpcode {
                control += mask.removed(from: piece.readableBytesView)
            } else {
                mask.move(&piece, to: &data)
            }
            guard count == expected else {
                left = expected - count
                return nil
            }
            left = nil
            if let control = try finishControl() { return control }
        }
    }

    /// - Returns: Whether the header is complete.
    private mutating func readHeader(_ input: inout ByteBuffer) throws(Violation) -> Bool {
        while header.count < headerLength {
            guard let byte = input.readInteger(as: UInt8.self) else { return false }
            header.append(byte)
            if header.count == 2 { try begin(header[0], header[1]) }
        }
        let length = header[2..<(headerLength - 4)].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        let size = headerLength == 6 ? UInt64(header[1] & 0x7f) : length
        guard size <= UInt64(maximumFrameSize) else { throw Violation(.messageTooLarge, "a frame is too long") }
        mask = WebSocketMask(header.suffix(4))
        left = Int(size)
        header.removeAll(keepingCapacity: true)
        headerLength = 2
        return true
    }

    private mutating func begin(_ first: UInt8, _ second: UInt8) throws(Violation) {
        guard first & 0x70 == 0 else { throw Violation(.protocolError, "reserved bits are set") }
        guard second & 0x80 != 0 else { throw Violation(.protocolError, "a frame is not masked") }
        let isFinal = first & 0x80 != 0
        let size = second & 0x7f
        switch WebSocketOpcode(encodedWebSocketOpcode: first & 0x0f) {
        case .some(let opcode) where opcode == .ping || opcode == .pong || opcode == .connectionClose:
            guard isFinal, size <= 125 else { throw Violation(.protocolError, "a control frame is too long or not final") }
            self.opcode = opcode
        case .some(let opcode) where opcode == .text || opcode == .binary:
            guard !isFragmented else { throw Violation(.protocolError, "a message begins within another") }
            self.opcode = opcode
            isFragmented = !isFinal
        case .some(let opcode) where opcode == .continuation:
            guard isFragmented else { throw Violation(.protocolError, "a continuation of nothing") }
            self.opcode = opcode
            isFragmented = !isFinal
        default: throw Violation(.protocolError, "an unknown kind of frame")
        }
        headerLength = 6 + (size == 126 ? 2 : size == 127 ? 8 : 0)
    }

    private mutating func finishControl() throws(Violation) -> Control? {
        guard opcode.isControlOpcode else { return nil }
        let payload = control
        control = []
        switch opcode {
        case .ping: return .ping(payload)
        case .connectionClose:
            guard !payload.isEmpty else { return .close([]) }
            guard payload.count >= 2, Self.mayClose(with: Int(payload[0]) << 8 | Int(payload[1])) else {
                throw Violation(.protocolError, "a close frame has no valid code")
            }
            guard String(validating: payload.dropFirst(2), as: UTF8.self) != nil else {
                throw Violation(.dataInconsistentWithMessage, "the reason in a close frame is not UTF-8")
            }
            return .close(payload)
        default: return .pong
        }
    }

    private static func mayClose(with code: Int) -> Bool {
        switch code {
        case 1000...1003, 1007...1014, 3000...4999: true
        default: false
        }
    }
}
