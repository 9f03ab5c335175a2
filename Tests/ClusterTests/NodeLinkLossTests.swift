import RivuletBroker
import RivuletSubscriptions
import RivuletTesting
import Synchronization
import TestSupport
import Testing

@testable import RivuletCluster

/// A connection that is lost while a message is passed to it.
@Suite(.timeLimit(.minutes(1)))
struct NodeLinkLossTests {
    /// Loses itself with the third message.
    private final class LostBus: MessageBus {
        private let takes: Bool
        private let lose: @Sendable () -> Void
        private let count = Atomic(0)

        init(takesTheLast takes: Bool, _ lose: @escaping @Sendable () -> Void) {
            self.takes = takes
            self.lose = lose
        }

        func publish(_ message: BusMessage) throws(BusError) {
            guard count.wrappingAdd(1, ordering: .relaxed).newValue == 3 else { return }
            lose()
            if !takes { throw BusError(.closed, "the connection was lost") }
        }

        func attach(
            _ pattern: SubjectPattern, queue: String?, _ receive: @escaping @Sendable (BusMessage) -> Void
        ) throws(BusError) -> RivuletSubscriptions.Attachment {
            RivuletSubscriptions.Attachment {}
        }
    }

    /// What those who sent five messages are told, in that order.
    private func refusals(takesTheLast: Bool) async throws -> [String] {
        let link = NodeLink(
            from: "own", to: "other", on: nil, bus: Broker(logger: quiet), configuration: ClusterConfiguration(), time: ManualTime())
        let told = Mutex<[String]>([])
        for number in 1...5 {
            let message = BusMessage(subject: try Subject("obj.K.a.M"), reply: try Subject("answer.\(number)"))
            #expect(link.send(Forwarded(message: message) { refusal in told.withLock { $0.append("\(number) \(refusal)") } }))
        }
        let (loss, _) = AsyncStream.makeStream(of: Void.self)
        let bus = LostBus(takesTheLast: takesTheLast) { link.close() }
        await link.run(over: NodeConnection(bus: bus, ended: { for await _ in loss {} }, close: {}), at: "other:1")
        return told.withLock { $0 }
    }

    @Test func whatItDoesNotTakeWasSurelyNotHandled() async throws {
        #expect(try await refusals(takesTheLast: false) == ["3 notHandled", "1 lost", "2 lost", "4 notHandled", "5 notHandled"])
    }

    @Test func whatItTakesMayHaveBeenHandled() async throws {
        #expect(try await refusals(takesTheLast: true) == ["1 lost", "2 lost", "3 lost", "4 notHandled", "5 notHandled"])
    }
}
