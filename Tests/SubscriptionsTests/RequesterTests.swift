import RivuletSubscriptions
import RivuletWire
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct RequesterTests {
    private let bus = LoopbackBus()
    private let time = HandMovedTime()

    private func message(_ subject: String, _ payload: [UInt8] = []) throws -> BusMessage {
        BusMessage(subject: try Subject(subject), payload: payload)
    }

    private func code(_ body: () async throws -> BusMessage) async -> BusError.Code? {
        do {
            _ = try await body()
            return nil
        } catch {
            return (error as? BusError)?.code
        }
    }

    @Test func concurrentRequestsGetTheirOwnReplies() async throws {
        let requester = Requester(bus: bus, time: time)
        let echo = try bus.attach(SubjectPattern("echo.*"), queue: nil) { [bus] request in
            guard let reply = request.reply else { return }
            try? bus.publish(BusMessage(subject: reply, payload: request.payload))
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<200 as Range<UInt8> {
                group.addTask {
                    let reply = try await requester.request(message("echo.\(number)", [number]), deadline: .seconds(1))
                    #expect(reply.payload == [number])
                }
            }
            try await group.waitForAll()
        }
        #expect(time.waiting == 0)
        echo.cancel()
        requester.close()
        #expect(bus.subscriptions == 0)
    }

    @Test func nobodyThereIsToldAtOnce() async throws {
        let requester = Requester(bus: bus, time: time)
        #expect(await code { try await requester.request(message("nobody"), deadline: .seconds(1)) } == .noResponders)
    }

    @Test func theDeadlineIsKept() async throws {
        let requester = Requester(bus: bus, time: time)
        let silent = try bus.attach(SubjectPattern("silent"), queue: nil) { [time] _ in
            time.advance(by: .milliseconds(999))
            #expect(time.waiting == 1)
            time.advance(by: .milliseconds(1))
        }
        #expect(await code { try await requester.request(message("silent"), deadline: .seconds(1)) } == .timeout)
        silent.cancel()
    }

    @Test func closingAndFailingEndRequestsUnderWay() async throws {
        let requester = Requester(bus: bus, time: time)
        let failing = try bus.attach(SubjectPattern("failing"), queue: nil) { [weak requester] _ in
            requester?.failPending(BusError(.disconnected, "gone"))
        }
        let closing = try bus.attach(SubjectPattern("closing"), queue: nil) { [weak requester] _ in requester?.close() }
        #expect(await code { try await requester.request(message("failing"), deadline: .seconds(1)) } == .disconnected)
        #expect(await code { try await requester.request(message("closing"), deadline: .seconds(1)) } == .closed)
        #expect(await code { try await requester.request(message("closing"), deadline: .seconds(1)) } == .closed)
        #expect(time.waiting == 0)
        failing.cancel()
        closing.cancel()
    }

    @Test func aRequestEndsWithTheConnectionItsMessageWentOver() async throws {
        let requester = Requester(bus: bus, time: time)
        @Sendable func ask(_ text: String, over connection: Int) async -> BusError.Code? {
            await code {
                try await requester.request(message(text), deadline: .seconds(1)) { _ in
                    // The first connection is lost while the message is published.
                    requester.fail(before: 1, BusError(.disconnected, "gone"))
                    return connection
                }
            }
        }
        #expect(await ask("lost", over: 0) == .disconnected)
        async let next = ask("next", over: 1)
        try await until { requester.hasRequests(before: 2) }
        #expect(!requester.hasRequests(before: 1))
        requester.fail(before: 2, BusError(.disconnected, "gone"))
        #expect(await next == .disconnected)
        #expect(time.waiting == 0)
    }

    @Test func aCancelledRequestStopsWaiting() async throws {
        let requester = Requester(bus: bus, time: time)
        let silent = try bus.attach(SubjectPattern("silent"), queue: nil) { _ in }
        let request = Task { try await requester.request(message("silent"), deadline: .seconds(1)) }
        request.cancel()
        await #expect(throws: CancellationError.self) { try await request.value }
        #expect(time.waiting == 0)
        silent.cancel()
    }
}
