import NIOCore
import NIOEmbedded
import Testing

@testable import RivuletBroker

/// How long a connection's writes may take, with a clock of the test's own.
struct OutboxTests {
    /// A connection that has taken a write when the test says so.
    private final class Connection: ChannelDuplexHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundIn = ByteBuffer

        private(set) var isCut = false
        private var promises: [EventLoopPromise<Void>] = []

        func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
            if let promise { promises.append(promise) }
        }

        func flush(context: ChannelHandlerContext) {}

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if case ConnectionSignal.slowConsumer = event { isCut = true }
        }

        func finishWrite(_ result: Result<Void, any Error> = .success(())) {
            let finished = promises
            promises = []
            for promise in finished { promise.completeWith(result) }
        }
    }

    private let loop = EmbeddedEventLoop()
    private let connection = Connection()

    private func makeOutbox() throws -> Outbox {
        let channel = EmbeddedChannel(loop: loop)
        try channel.pipeline.syncOperations.addHandler(connection)
        var configuration = BrokerConfiguration()
        configuration.writeDeadline = .seconds(10)
        return Outbox(id: 1, channel: channel, writesDirectly: false, configuration: configuration) {}
    }

    @Test func aWriteHasItsTimeFromItsBeginning() throws {
        let outbox = try makeOutbox()
        _ = outbox.append([1])
        outbox.flush()
        loop.advanceTime(by: .seconds(6))
        _ = outbox.append([2])
        connection.finishWrite()
        loop.advanceTime(by: .milliseconds(9900))
        #expect(!connection.isCut)
        loop.advanceTime(by: .milliseconds(200))
        #expect(connection.isCut)
        connection.finishWrite()
    }

    @Test func whoTakesEachWriteInTimeStays() throws {
        let outbox = try makeOutbox()
        _ = outbox.append([1])
        outbox.flush()
        for _ in 0..<20 {
            loop.advanceTime(by: .seconds(9))
            _ = outbox.append([2])
            connection.finishWrite()
        }
        connection.finishWrite()
        loop.advanceTime(by: .seconds(60))
        #expect(!connection.isCut)
    }

    @Test func aConnectionThatBreaksIsNotWatchedForEver() throws {
        weak var forgotten: Outbox?
        do {
            let outbox = try makeOutbox()
            forgotten = outbox
            _ = outbox.append([1])
            outbox.flush()
            connection.finishWrite(.failure(ChannelError.ioOnClosedChannel))
        }
        #expect(forgotten != nil)
        loop.advanceTime(by: .seconds(10))
        #expect(forgotten == nil)
        #expect(!connection.isCut)
    }
}
