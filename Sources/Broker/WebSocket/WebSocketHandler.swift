import NIOCore
import NIOWebSocket
import RivuletWire

/// Puts the bytes that the connection writes into frames, and takes those it reads out of them, so that the connection need not know.
///
/// What is flushed at once is one frame. Its bytes are not copied.
final class WebSocketHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// What is to be done once what was read has been worked through.
    private enum Ending {
        /// The client closes; this is the answer.
        case answer(ByteBuffer)
        case refuse(WebSocketDecoder.Violation)
    }

    private let closeGrace: Duration
    private var decoder: WebSocketDecoder
    private var unflushed: [(bytes: ByteBuffer, promise: EventLoopPromise<Void>?)] = []
    private var ending: Ending?
    private var hasSentClose = false
    /// Why the connection is going to close its output.
    private var farewell: WireError?
    private var closeTimer: LoopTimers.Timer?
    private var isAnsweringPing = false
    /// The last ping that has no answer; older ones need none.
    private var ping: [UInt8]?

    init(maximumFrameSize: Int, closeGrace: Duration) {
        decoder = WebSocketDecoder(maximumFrameSize: maximumFrameSize)
        self.closeGrace = closeGrace
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        closeTimer?.cancel()
        for (_, promise) in unflushed { promise?.fail(ChannelError.ioOnClosedChannel) }
        unflushed = []
    }

    // MARK: - Reading

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard ending == nil else { return }
        var input = unwrapInboundIn(data)
        var data = context.channel.allocator.buffer(capacity: input.readableBytes)
        do throws(WebSocketDecoder.Violation) {
            reading: while let control = try decoder.decode(&input, into: &data) {
                switch control {
                case .ping(let payload): answer(ping: payload, context)
                case .pong: break
                case .close(let payload):
                    ending = .answer(WebSocketFrameHead.control(.connectionClose, payload))
                    break reading
                }
            }
        } catch {
            ending = .refuse(error)
        }
        if data.readableBytes > 0, !hasSentClose { context.fireChannelRead(wrapInboundOut(data)) }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        context.fireChannelReadComplete()
        switch ending {
        case nil: break
        case .answer(let frame):
            if !hasSentClose { send(close: frame, context) }
            context.close(promise: nil)
        case .refuse(let violation):
            guard !hasSentClose else { return }
            end(with: WebSocketFrameHead.close(violation.code, violation.reason), context)
        }
    }

    private func answer(ping payload: [UInt8], _ context: ChannelHandlerContext) {
        guard !hasSentClose else { return }
        // Whoever pings and does not read has one answer waiting, not many.
        if isAnsweringPing { return ping = payload }
        isAnsweringPing = true
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        context.writeAndFlush(wrapOutboundOut(WebSocketFrameHead.control(.pong, payload))).whenComplete { _ in
            let (handler, context) = bound.value
            handler.isAnsweringPing = false
            guard let payload = handler.ping, context.channel.isActive else { return }
            handler.ping = nil
            handler.answer(ping: payload, context)
        }
    }

    // MARK: - Writing

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        if hasSentClose {
            promise?.fail(ChannelError.outputClosed)
        } else {
            unflushed.append((unwrapOutboundIn(data), promise))
        }
    }

    func flush(context: ChannelHandlerContext) {
        let length = unflushed.reduce(0) { $0 + $1.bytes.readableBytes }
        if length > 0 { context.write(wrapOutboundOut(WebSocketFrameHead.bytes(.binary, length: length)), promise: nil) }
        for (bytes, promise) in unflushed { context.write(wrapOutboundOut(bytes), promise: promise) }
        unflushed.removeAll(keepingCapacity: true)
        context.flush()
    }

    func triggerUserOutboundEvent(context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?) {
        guard let farewell = event as? ConnectionFarewell else { return context.triggerUserOutboundEvent(event, promise: promise) }
        self.farewell = farewell.error
        promise?.succeed()
    }

    /// When the connection has written its last, the client is told why and has a while to close.
    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        let frame = WebSocketFrameHead.close(WebSocketErrorCode(farewell), (farewell ?? .serverShutdown).protocolText)
        if mode == .output {
            if !hasSentClose { end(with: frame, context) }
            promise?.succeed()
        } else {
            if !hasSentClose { send(close: frame, context) }
            context.close(mode: mode, promise: promise)
        }
    }

    private func end(with frame: ByteBuffer, _ context: ChannelHandlerContext) {
        send(close: frame, context)
        let channel = context.channel
        closeTimer = LoopTimers.of(context.eventLoop).schedule(in: closeGrace) { channel.close(promise: nil) }
    }

    private func send(close frame: ByteBuffer, _ context: ChannelHandlerContext) {
        hasSentClose = true
        context.writeAndFlush(wrapOutboundOut(frame), promise: nil)
    }
}

/// Why a connection is going to close its output: what a WebSocket's close frame tells.
struct ConnectionFarewell: Sendable {
    let error: WireError?
}
