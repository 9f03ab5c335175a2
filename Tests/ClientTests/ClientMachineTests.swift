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
        var tls = ClientMachine(maximumPingsOutstanding: 2, requiresTLS: true)
        #expect(tls.handle(.info(info)) == .end(.offersNoTLS))
        var slow = ClientMachine(maximumPingsOutstanding: 2)
        #expect(slow.handle(.greetingDue) == .end(.noGreeting))
        #expect(slow.handle(.pong) == .nothing)
    }

    @Test func tlsComesBetweenInfoAndConnectAndNothingElseDoes() {
        let secret = ServerInfo(tlsRequired: true)
        var machine = ClientMachine(maximumPingsOutstanding: 2)
        #expect(machine.handle(.info(secret)) == .secure)
        #expect(machine.handle(.pingDue) == .nothing)
        #expect(machine.handle(.secured) == .greet(secret))
        #expect(machine.handle(.pong) == .begin(secret))
        for event in [ClientMachine.Event.info(info), .ping, .pong, .error(.staleConnection)] {
            var tricked = ClientMachine(maximumPingsOutstanding: 2)
            _ = tricked.handle(.info(secret))
            #expect(tricked.handle(event) == .end(.unreadable(.parserError)))
        }
        var first = ClientMachine(maximumPingsOutstanding: 2, requiresTLS: true, isSecure: true)
        #expect(first.handle(.info(secret)) == .greet(secret))
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
        pool.learn(["h:2", "h:7", "h:7", "not an address"], from: addresses[0])
        #expect(pool.order(after: nil).map(\.port) == [1, 2, 3, 7])
        pool.learn([], from: addresses[0])
        #expect(pool.order(after: ServerAddress(host: "x")).map(\.port) == [1, 2, 3])
        #expect(!ServerPool([addresses[0]]).hasOther(than: addresses[0]))
    }
}
