import RivuletWire
import Testing

@testable import RivuletBroker

/// The protocol of a connection, without sockets and time.
struct ConnectionMachineTests {
    private func machine(_ configure: (inout BrokerConfiguration) -> Void = { _ in }) -> ConnectionMachine {
        var configuration = BrokerConfiguration()
        configure(&configuration)
        return ConnectionMachine(configuration)
    }

    @Test func anAnsweredPingDoesNotCount() {
        var machine = machine { $0.maximumPingsOutstanding = 2 }
        for _ in 0..<10 {
            #expect(machine.handle(.pingDue) == .ping)
            #expect(machine.handle(.pingDue) == .ping)
            #expect(machine.handle(.pong) == .nothing)
        }
        #expect(machine.handle(.pingDue) == .ping)
        #expect(machine.handle(.pingDue) == .ping)
        #expect(machine.handle(.pingDue) == .end(.staleConnection))
    }

    @Test func nothingCountsAfterTheEnd() {
        var machine = machine()
        #expect(machine.handle(.unreadable(.parserError)) == .end(.parserError))
        #expect(machine.hasEnded)
        let events: [ConnectionMachine.Event] = [
            .connect(.success(ConnectOptions())), .publish(hasHeaders: false), .subscribe(count: 0), .unsubscribe, .ping, .pong, .error,
            .unreadable(.unknownProtocolOperation), .received(total: .max), .pingDue, .connectDue, .refused(.slowConsumer), .lameDuck,
        ]
        for event in events { #expect(machine.handle(event) == .nothing) }
    }

    @Test func acknowledgementsFollowVerbose() {
        var machine = machine()
        #expect(machine.handle(.publish(hasHeaders: false)) == .carryOut(acknowledge: true))
        #expect(machine.handle(.connect(.success(ConnectOptions(verbose: false)))) == .carryOut(acknowledge: false))
        #expect(machine.handle(.publish(hasHeaders: true)) == .carryOut(acknowledge: false))
        #expect(machine.handle(.subscribe(count: 0)) == .carryOut(acknowledge: false))
    }

    @Test func onlyAClientThatUnderstandsItIsToldOfLameDuckMode() {
        var old = machine()
        #expect(old.handle(.lameDuck) == .nothing)
        _ = old.handle(.connect(.success(ConnectOptions(proto: 0))))
        #expect(old.handle(.lameDuck) == .nothing)
        #expect(old.handle(.ping) == .pong)
        #expect(old.handle(.lameDuck) == .nothing)
        var new = machine()
        _ = new.handle(.connect(.success(ConnectOptions(proto: 1))))
        #expect(new.handle(.ping) == .pong)
        #expect(new.handle(.lameDuck) == .inform)
    }

    @Test(arguments: [ConnectionMachine.Event.infoChanged, .lameDuck]) func newsWaitForTheFirstPong(_ news: ConnectionMachine.Event) {
        for isEarly in [true, false] {
            var machine = machine()
            if isEarly { #expect(machine.handle(news) == .nothing) }
            _ = machine.handle(.connect(.success(ConnectOptions(proto: 1))))
            if !isEarly { #expect(machine.handle(news) == .nothing) }
            #expect(machine.handle(.ping) == .pongAndInform)
            #expect(machine.handle(.ping) == .pong)
            #expect(machine.handle(news) == .inform)
        }
    }

    @Test func aClientThatOnlyAnswersIsToldNewsToo() {
        var machine = machine()
        _ = machine.handle(.connect(.success(ConnectOptions(proto: 1))))
        #expect(machine.handle(.pingDue) == .ping)
        #expect(machine.handle(.pong) == .nothing)
        #expect(machine.handle(.lameDuck) == .inform)
        var late = self.machine()
        _ = late.handle(.connect(.success(ConnectOptions(proto: 1))))
        #expect(late.handle(.lameDuck) == .nothing)
        #expect(late.handle(.pong) == .inform)
    }

    @Test func headersNeedTheClientsConsent() {
        var machine = machine()
        _ = machine.handle(.connect(.success(ConnectOptions(headers: false, noResponders: false))))
        #expect(machine.handle(.publish(hasHeaders: true)) == .end(.headersNotSupported))
    }

    @Test func whereConnectIsAskedForOnlyConnectCountsBeforeIt() {
        for event in [ConnectionMachine.Event.publish(hasHeaders: false), .subscribe(count: 0), .unsubscribe, .ping] {
            var machine = machine { $0.requiresConnect = true }
            #expect(machine.handle(event) == .end(.authorizationViolation))
        }
        var late = machine { $0.requiresConnect = true }
        #expect(late.handle(.connectDue) == .end(.authenticationTimeout))
        var timely = machine { $0.requiresConnect = true }
        _ = timely.handle(.connect(.success(ConnectOptions())))
        #expect(timely.handle(.connectDue) == .nothing)
        #expect(timely.handle(.received(total: .max)) == .nothing)
    }
}
