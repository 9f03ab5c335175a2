import RivuletWire
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1)))
struct FrameParserTests {
    private func client(_ text: String, limits: WireLimits = .server) -> Transcript {
        .ofClient([Array(text.utf8)], limits: limits)
    }

    private func server(_ text: String) -> Transcript { .ofServer([Array(text.utf8)]) }

    @Test func everyClientOperationIsRead() {
        let transcript = client(
            "CONNECT {\"a\":1} \r\nPUB a 2\r\nhi\r\nPUB a r 0\r\n\r\nHPUB a 12 14\r\nNATS/1.0\r\n\r\nhi\r\nHPUB a r 12 12\r\nNATS/1.0\r\n\r\n\r\n"
                + "SUB a.* 7\r\nSUB a.> q 8\r\nUNSUB 7\r\nUNSUB 8 3\r\nPING\r\nPONG\r\n+OK\r\n-ERR 'x y'\r\nINFO {}\r\n")
        #expect(transcript.error == nil)
        #expect(
            transcript.frames == [
                "connect {\"a\":1}", "publish a reply - headers - payload hi tail 2\r\nhi\r\n",
                "publish a reply r headers - payload  tail r 0\r\n\r\n",
                "publish a reply - headers NATS/1.0\r\n\r\n payload hi tail 12 14\r\nNATS/1.0\r\n\r\nhi\r\n",
                "publish a reply r headers NATS/1.0\r\n\r\n payload  tail r 12 12\r\nNATS/1.0\r\n\r\n\r\n",
                "subscribe a.* queue - sid 7", "subscribe a.> queue q sid 8", "unsubscribe 7 max -", "unsubscribe 8 max 3", "ping", "pong",
                "ok", "error 'x y'", "info {}",
            ])
    }

    @Test func everyServerOperationIsRead() {
        let transcript = server(
            "INFO {\"a\":1}\r\nMSG a 1 2\r\nhi\r\nMSG a 1 r 0\r\n\r\nHMSG a 1 12 14\r\nNATS/1.0\r\n\r\nhi\r\n"
                + "HMSG a 1 r 12 12\r\nNATS/1.0\r\n\r\n\r\nPING\r\nPONG\r\n+OK\r\n-ERR 'Stale Connection'\r\n")
        #expect(transcript.error == nil)
        #expect(
            transcript.frames == [
                "info {\"a\":1}", "message a sid 1 reply - headers - payload hi", "message a sid 1 reply r headers - payload ",
                "message a sid 1 reply - headers NATS/1.0\r\n\r\n payload hi",
                "message a sid 1 reply r headers NATS/1.0\r\n\r\n payload ", "ping", "pong", "ok", "error 'Stale Connection'",
            ])
    }

    @Test func namesMayBeInAnyCaseAndBlanksMayBeTabsAndSeveral() {
        let transcript = client("pub\ta \t 1 \nx\r\nSub a 1\nhpuB a 0 1\r\nx\r\nPING  ignored\n")
        #expect(transcript.error == nil)
        #expect(
            transcript.frames == [
                "publish a reply - headers - payload x tail -", "subscribe a queue - sid 1",
                "publish a reply - headers - payload x tail -", "ping",
            ])
    }

    @Test(arguments: ["PUB a 01\r\nx\r\n", "PUB a 1\nx\r\n", "PUB  a 1\r\nx\r\n", "PUB a\t1\r\nx\r\n", "PUB a 1 \r\nx\r\n"])
    func onlyACanonicalLineHasATail(line: String) {
        #expect(client(line).frames == ["publish a reply - headers - payload x tail -"])
    }

    @Test(arguments: [
        "FOO\r\n", "\r\n", " PING\r\n", "PUB\r\n", "MSG a 1 0\r\n\r\n", "PUB a 1\r\nxy\r\n", "PUB a 1\r\nx\n ", "GET / HTTP/1.1\r\n",
        "PINGPINGPING",
    ])
    func whatIsNotAnOperationIsAnUnknownProtocolOperation(text: String) {
        #expect(client(text).error == .unknownProtocolOperation)
    }

    @Test(arguments: [
        "PUB a\r\n", "PUB a b c 1\r\n", "PUB a -1\r\n", "PUB a +1\r\n", "PUB a x\r\n", "PUB a 0x1\r\n",
        "PUB a 99999999999999999999999999\r\n", "PUB a 1000000000\r\n", "PUB a 0000000001\r\n", "HPUB a 0000000001 1\r\n", "HPUB a 1\r\n",
        "HPUB a 2 1\r\n", "HPUB a -1 1\r\n", "HPUB a b c 1 1\r\n", "SUB a\r\n",
        "SUB a b c d\r\n",
        "UNSUB \r\n", "UNSUB 1 2 3\r\n", "SUB a\rb 1\r\n", "SUB a b c d e f g\r\n",
    ])
    func argumentsThatMakeNoSenseAreAParserError(text: String) {
        #expect(client(text).error == .parserError)
    }

    @Test func aPayloadAtTheLimitIsReadAndOnePastIsNot() {
        let limits = WireLimits(payload: 10)
        #expect(client("PUB a 10\r\n0123456789\r\n", limits: limits).frames.count == 1)
        #expect(client("PUB a 11\r\n", limits: limits).error == .maximumPayloadViolation)
        #expect(client("HPUB a 2 11\r\n", limits: limits).error == .maximumPayloadViolation)
        #expect(client("PUB a 999999999\r\n").error == .maximumPayloadViolation)
    }

    @Test(arguments: ["x", "-5", "+1", "1.5", "1000000000", "0000000001", "99999999999999999999", "0x1"])
    func aMaximumThatIsNoNumberOfNineDigitsIsNone(text: String) {
        #expect(client("UNSUB 1 \(text)\r\n").frames == client("UNSUB 1\r\n").frames)
    }

    @Test func headersAtTheLimitAreReadAndOnePastAreNot() {
        let limits = WireLimits(headers: 12)
        #expect(client("HPUB a 12 12\r\nNATS/1.0\r\n\r\n\r\n", limits: limits).frames.count == 1)
        #expect(client("HPUB a 13 20\r\n", limits: limits).error == .maximumPayloadViolation)
    }

    @Test func aControlLineAtTheLimitIsReadAndOnePastIsNot() {
        for ending in ["\r\n", "\n"] {
            let full = String(repeating: "a", count: 4094)
            #expect(client("SUB \(full) 1\(ending)").frames.count == 1)
            #expect(client("SUB \(full)a 1\(ending)").error == .maximumControlLineExceeded)
            #expect(client("CONNECT \(full)aa\(ending)").frames.count == 1)
            #expect(client("CONNECT \(full)aaa\(ending)").error == .maximumControlLineExceeded)
        }
    }

    @Test func anEndlessControlLineIsRefusedWithoutItsEnd() {
        for operation in ["SUB ", "CONNECT ", "PING ", "PUB "] {
            let blank = operation + String(repeating: " ", count: 5000)
            let token = operation + String(repeating: "a", count: 5000)
            #expect(client(blank).error == .maximumControlLineExceeded)
            #expect(client(token).error == .maximumControlLineExceeded)
        }
    }

    @Test func anIncompletePayloadTellsHowManyBytesItNeeds() throws {
        let parser = FrameParser(limits: .server)
        let bytes = Array("xxPUB a 1000\r\nstart".utf8)
        guard case .incomplete(let needed) = try parser.nextClientFrame(in: bytes.span, from: 2) else {
            Issue.record("not incomplete")
            return
        }
        #expect(needed == "PUB a 1000\r\n".utf8.count + 1000 + 2)
    }

    @Test func anySplitIntoReadsGivesTheSameFrames() {
        var generator = SeededGenerator(seed: 7)
        for _ in 0..<200 {
            var stream: [UInt8] = []
            for _ in 0..<Int.random(in: 1...12, using: &generator) {
                stream += RandomFrames.clientFrame(using: &generator)
            }
            // A few streams end in nonsense, which must be the same nonsense however it is split.
            if Bool.random(using: &generator) { stream += RandomFrames.noise(using: &generator) }
            let whole = Transcript.ofClient([stream])
            #expect(Transcript.ofClient(stream.map { [$0] }) == whole)
            for _ in 0..<5 {
                #expect(Transcript.ofClient(RandomFrames.split(stream, using: &generator)) == whole)
            }
        }
    }

    @Test func anySplitIntoReadsGivesTheSameServerFrames() {
        var generator = SeededGenerator(seed: 8)
        for _ in 0..<200 {
            var stream: [UInt8] = []
            for _ in 0..<Int.random(in: 1...12, using: &generator) {
                stream += RandomFrames.serverFrame(using: &generator)
            }
            let whole = Transcript.ofServer([stream])
            #expect(whole.error == nil)
            #expect(Transcript.ofServer(stream.map { [$0] }) == whole)
            #expect(Transcript.ofServer(RandomFrames.split(stream, using: &generator)) == whole)
        }
    }

    @Test func noBytesCrashTheParser() {
        var generator = SeededGenerator(seed: 9)
        let small = WireLimits(controlLine: 24, payload: 16, headers: 8)
        for _ in 0..<20_000 {
            let noise = RandomFrames.noise(using: &generator)
            _ = Transcript.ofClient([noise], limits: small)
            _ = Transcript.ofServer([noise], limits: small)
        }
    }
}
