import RivuletWire
import Testing

@testable import RivuletClient

@Suite struct ClientMachineTests {
    private let info = ServerInfo(serverID: "S")

    private func ready() -> ClientMachine {
        var machine = ClientMachine(maximumPingsOutstanding: 2)
        _ = machine.handle(.info(info))
        _ = machine.handle(.pong)
        return machine
    }

    @Test func theGreetingIsInfoThenConnectThenPong() {
        var machine = ClientMachine(maximumPingsOutstanding: 2)
        #expect(machine.handle(.info(info)) == .greet(info))
        #expect(!machine.isReady)
        #expect(machine.handle(.ping) == .answerPing)
        #expect(machine.handle(.pong) == .begin(info))
        #expect(machine.isReady)
        #expect(machine.handle(.greetingDue) == .nothing)
    }

    @Test func whatTheClientCannotDoEndsTheGreeting() {
        var tls = ClientMachine(maximumPingsOutstanding: 2)
        #expect(tls.handle(.info(ServerInfo(tlsRequired: true))) == .end(.needsTLS))
        var login = ClientMachine(maximumPingsOutstanding: 2)
        #expect(login.handle(.info(ServerInfo(authRequired: true))) == .end(.needsLogin))
        var slow = ClientMachine(maximumPingsOutstanding: 2)
        #expect(slow.handle(.greetingDue) == .end(.noGreeting))
        #expect(slow.handle(.pong) == .nothing)
    }

    @Test func unansweredPingsEndTheConnectionAndAnAnswerForgivesThem() {
        var machine = ready()
        #expect(machine.handle(.pingDue) == .sendPing)
        #expect(machine.handle(.pingDue) == .sendPing)
        #expect(machine.handle(.pong) == .completePing)
        #expect(machine.handle(.pingDue) == .sendPing)
        #expect(machine.handle(.pingDue) == .sendPing)
        #expect(machine.handle(.pingDue) == .end(.stale))
    }

    @Test func lameDuckIsToldOnce() {
        var machine = ready()
        var leaving = info
        leaving.ldm = true
        #expect(machine.handle(.info(leaving)) == .update(leaving, goesAway: true))
        #expect(machine.handle(.info(leaving)) == .update(leaving, goesAway: false))
    }

    @Test func errorsAreReportedOrEndTheConnectionAsInTheServer() {
        var machine = ready()
        #expect(machine.handle(.error(.permissionsViolationPublish("a"))) == .report(.permissionsViolationPublish("a")))
        #expect(machine.handle(.error(.slowConsumer)) == .end(.refused(.slowConsumer)))
        var broken = ready()
        #expect(broken.handle(.unreadable(.parserError)) == .end(.unreadable(.parserError)))
    }

    @Test func theLostServerIsTriedLastAndLearnedOnesToo() {
        let addresses = (1...3).map { ServerAddress(host: "h", port: $0) }
        var pool = ServerPool(addresses + addresses)
        #expect(pool.order(after: nil).map(\.port) == [1, 2, 3])
        #expect(pool.order(after: addresses[1]).map(\.port) == [3, 1, 2])
        pool.learn(["h:2", "h:7", "h:7", "not an address"])
        #expect(pool.order(after: nil).map(\.port) == [1, 2, 3, 7])
        pool.learn([])
        #expect(pool.order(after: ServerAddress(host: "x")).map(\.port) == [1, 2, 3])
        #expect(!ServerPool([addresses[0]]).hasOther(than: addresses[0]))
    }
}
