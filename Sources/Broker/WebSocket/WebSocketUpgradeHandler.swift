import Logging
import NIOCore
import NIOHTTP1

/// Reads the request with which a connection begins, and makes it a WebSocket or refuses it.
final class WebSocketUpgradeHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private enum State {
        case waiting
        case accepted(HTTPHeaders)
        case ended
    }

    /// The request may be so large; browsers send their cookies.
    private static var limits: NIOHTTPDecoderLimitConfiguration {
        var limits = NIOHTTPDecoderLimitConfiguration()
        limits.maxHeaderFieldSize = 8192
        limits.maxHeaderListSize = 16_384
        limits.maxHeaderFieldCount = 128
        return limits
    }

    private let handshake: WebSocketHandshake
    private let upgrades: PendingUpgrades
    private let closeGrace: Duration
    private let logger: Logger
    private let makeConnection: @Sendable (any Channel) -> ConnectionHandler
    private let decoder = ByteToMessageHandler(HTTPRequestDecoder(leftOverBytesStrategy: .forwardBytes, limitConfiguration: limits))
    private let encoder = HTTPResponseEncoder()
    private var state = State.waiting
    private var timer: LoopTimers.Timer?

    init(
        _ handshake: WebSocketHandshake, upgrades: PendingUpgrades, closeGrace: Duration, logger: Logger,
        makeConnection: @escaping @Sendable (any Channel) -> ConnectionHandler
    ) {
        self.handshake = handshake
        self.upgrades = upgrades
        self.closeGrace = closeGrace
        self.logger = logger
        self.makeConnection = makeConnection
    }

    /// Adds it and what it needs.
    func add(to channel: any Channel) throws {
        try channel.pipeline.syncOperations.addHandlers([decoder, encoder, self])
    }

    func channelActive(context: ChannelHandlerContext) {
        guard upgrades.add(context.channel) else { return context.close(promise: nil) }
        closeLater(handshake.configuration.handshakeTimeout, context)
        context.read()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        timer?.cancel()
        upgrades.remove(context.channel)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch (unwrapInboundIn(data), state) {
        case (.head(let request), .waiting):
            do throws(WebSocketHandshake.Refusal) {
                state = .accepted(try handshake.accept(request))
            } catch {
                refuse(error, context)
            }
        case (.end, .accepted(let headers)): accept(headers, context)
        default: break
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        context.read()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch error {
        case HTTPParserError.headerOverflow:
            refuse(.init(.requestHeaderFieldsTooLarge, "the request is too large"), context)
        case is HTTPParserError: refuse(.init(.badRequest, "this is not HTTP 1.1"), context)
        default:
            logger.debug("connection failed", metadata: ["error": "\(error)"])
            context.close(promise: nil)
        }
    }

    /// From here on the connection is like any other, but for its frames.
    private func accept(_ headers: HTTPHeaders, _ context: ChannelHandlerContext) {
        state = .ended
        let pipeline = context.pipeline.syncOperations
        let response = HTTPResponseHead(version: .http1_1, status: .switchingProtocols, headers: headers)
        context.writeAndFlush(wrapOutboundOut(.head(response)), promise: nil)
        let frames = WebSocketHandler(maximumFrameSize: handshake.configuration.maximumFrameSize, closeGrace: closeGrace)
        do {
            try pipeline.addHandlers([frames, makeConnection(context.channel)])
        } catch {
            return context.close(promise: nil)
        }
        pipeline.removeHandler(encoder, promise: nil)
        context.fireChannelActive()
        pipeline.removeHandler(context: context, promise: nil)
        // The decoder hands on what the client sent behind its request, later and without saying that it was all.
        let channel = context.channel
        pipeline.removeHandler(decoder).whenComplete { _ in channel.pipeline.fireChannelReadComplete() }
    }

    /// Answers, and drops what still comes until the client closes or its time is over.
    private func refuse(_ refusal: WebSocketHandshake.Refusal, _ context: ChannelHandlerContext) {
        if case .ended = state { return }
        state = .ended
        logger.debug("WebSocket refused", metadata: ["reason": "\(refusal.reason)"])
        let text = ByteBuffer(string: refusal.reason + "\n")
        var response = HTTPResponseHead(version: .http1_1, status: refusal.status, headers: refusal.headers)
        response.headers.add(name: "Content-Length", value: "\(text.readableBytes)")
        context.write(wrapOutboundOut(.head(response)), promise: nil)
        context.write(wrapOutboundOut(.body(.byteBuffer(text))), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        context.close(mode: .output, promise: nil)
        closeLater(closeGrace, context)
    }

    private func closeLater(_ time: Duration, _ context: ChannelHandlerContext) {
        timer?.cancel()
        let channel = context.channel
        timer = LoopTimers.of(context.eventLoop).schedule(in: time) { channel.close(promise: nil) }
    }
}
