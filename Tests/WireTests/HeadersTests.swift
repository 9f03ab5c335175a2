import RivuletWire
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1)))
struct HeadersTests {
    @Test func namesKeepTheirCaseAndAreLookedUpExactly() {
        let headers: Headers = ["Nats-Msg-Id": "1"]
        #expect(headers["Nats-Msg-Id"] == "1")
        #expect(headers["nats-msg-id"] == nil)
    }

    @Test func aNameMayHaveSeveralValuesInOrder() {
        var headers: Headers = ["A": "1", "B": "2", "A": "3"]
        #expect(headers.values("A") == ["1", "3"])
        headers.add("A", "4")
        #expect(headers.map { "\($0.name)=\($0.value)" } == ["A=1", "B=2", "A=3", "A=4"])
    }

    @Test func settingReplacesAllValuesInThePlaceOfTheFirst() {
        var headers: Headers = ["A": "1", "B": "2", "A": "3"]
        headers["A"] = "x"
        #expect(headers.map { "\($0.name)=\($0.value)" } == ["A=x", "B=2"])
        headers["A"] = nil
        #expect(headers.map(\.name) == ["B"])
    }

    @Test func nothingCanBeInjected() throws {
        var headers = Headers.status(503, "No\r\nX: y")
        headers.add("A\r\nB: c", "1\r\n\r\nX: 2")
        headers.add("", "dropped")
        let read = try Headers(parsing: headers.encoded())
        #expect(read == headers)
        #expect(read.count == 1)
        #expect(read["X"] == nil)
    }

    @Test func aBlockIsReadBackAsWritten() throws {
        var generator = SeededGenerator(seed: 3)
        let letters = Array("aZ: \t\r\né🂡\u{0}-")
        for _ in 0..<500 {
            var headers =
                Bool.random(using: &generator) ? Headers() : Headers.status(Int.random(in: 0...999, using: &generator), "text x")
            for _ in 0..<Int.random(in: 0...5, using: &generator) {
                let text = { (generator: inout SeededGenerator) in
                    String((0..<Int.random(in: 0...6, using: &generator)).compactMap { _ in letters.randomElement(using: &generator) })
                }
                headers.add(text(&generator), text(&generator))
            }
            #expect(try Headers(parsing: headers.encoded()) == headers)
            #expect(headers.encoded().count == headers.encodedCount)
        }
    }

    @Test(arguments: [Headers(), .status(1000), .status(-5, "x"), .status(7), ["A": "", "B": "é"]])
    func theSizeOfABlockIsKnown(_ headers: Headers) {
        #expect(headers.encoded().count == headers.encodedCount)
    }

    @Test func wordsGoWithAStatus() {
        var headers: Headers = ["A": "b"]
        headers.statusText = "No Responders"
        #expect(headers.status == nil && headers.statusText == nil && headers == ["A": "b"])
        headers.status = 503
        headers.statusText = "No Responders"
        headers.status = 404
        #expect(headers.status == 404 && headers.statusText == "No Responders" && headers["A"] == "b" && headers.count == 1)
        headers.status = nil
        #expect(headers.statusText == nil && headers == ["A": "b"])
    }

    @Test func theStatusLineIsRead() throws {
        let plain = try Headers(parsing: Array("NATS/1.0 503\r\n\r\n".utf8))
        #expect(plain.status == 503 && plain.statusText == nil && !plain.isEmpty)
        let text = try Headers(parsing: Array("NATS/1.0 100 Idle Heartbeat\r\nA:b\r\n\r\n".utf8))
        #expect(text.status == 100 && text.statusText == "Idle Heartbeat" && text["A"] == "b")
    }

    @Test(arguments: [
        "", "NATS", "NATS/1.0", "NATS/1.0\r\n", "NATS/2.0\r\n\r\n", "NATS/1.0\r\nA\r\n\r\n", "NATS/1.0\r\n: b\r\n\r\n",
        "NATS/1.0x\r\n\r\n", "NATS/1.0 5x\r\n\r\n", "NATS/1.0\r\n\r\nmore", "NATS/1.0\r\nA: b\r\n",
    ])
    func aMalformedBlockIsRefused(text: String) {
        #expect(throws: WireError.invalidHeaders) { try Headers(parsing: Array(text.utf8)) }
    }

    @Test func noBytesCrashTheParser() {
        var generator = SeededGenerator(seed: 4)
        for _ in 0..<5000 {
            let bytes = Array("NATS/1.0".utf8) + RandomFrames.noise(using: &generator)
            _ = try? Headers(parsing: bytes)
        }
    }
}
