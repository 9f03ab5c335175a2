import NIOCore
import NIOWebSocket
import RivuletWire

/// What comes before the payload of a frame that the server sends: whole messages, not masked.
enum WebSocketFrameHead {
    /// Longest payload of a control frame.
    static let longestControl = 125

    /// The bytes before a payload of `length` bytes.
    static func bytes(_ opcode: WebSocketOpcode, length: Int, followedBy payload: [UInt8] = []) -> ByteBuffer {
        var head = ByteBuffer()
        head.reserveCapacity(10 + payload.count)
        head.writeInteger(0x80 | UInt8(webSocketOpcode: opcode))
        switch length {
        case ...125: head.writeInteger(UInt8(truncatingIfNeeded: length))
        case ...65_535: head.writeMultipleIntegers(UInt8(126), UInt16(truncatingIfNeeded: length))
        default: head.writeMultipleIntegers(UInt8(127), UInt64(length))
        }
        head.writeBytes(payload)
        return head
    }

    /// A whole control frame.
    static func control(_ opcode: WebSocketOpcode, _ payload: [UInt8]) -> ByteBuffer {
        bytes(opcode, length: payload.count, followedBy: payload)
    }

    /// A whole close frame, of whose reason as much is told as fits.
    static func close(_ code: WebSocketErrorCode, _ reason: String) -> ByteBuffer {
        let number = UInt16(webSocketErrorCode: code)
        var reason = reason[...]
        while reason.utf8.count > longestControl - 2 { reason.removeLast() }
        return control(.connectionClose, [UInt8(number >> 8), UInt8(number & 0xff)] + reason.utf8)
    }
}

extension WebSocketErrorCode {
    /// As what nats-server closes a WebSocket for this error; nil for none, when the server leaves.
    init(_ error: WireError?) {
        self =
            switch error {
            case nil, .serverShutdown, .staleConnection: .goingAway
            case .authorizationViolation, .authenticationExpired, .authenticationTimeout, .slowConsumer, .maximumSubscriptionsExceeded,
                .maximumConnectionsExceeded, .maximumControlLineExceeded:
                .policyViolation
            case .maximumPayloadViolation: .messageTooLarge
            case .other: .unexpectedServerError
            default: .protocolError
            }
    }
}
