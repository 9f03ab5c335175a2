import RivuletSubscriptions
import Testing

struct MessageRunTests {
    private struct Refusal: Error {}

    @Test func messagesAreKeptOneAfterTheOther() throws {
        var run = MessageRun(subject: try Subject("a"))
        for text in ["one", "", "three"] { run.append { $0 += Array(text.utf8) } }
        #expect(run.count == 3)
        #expect((0..<3).map { String(decoding: run.message($0).payload, as: UTF8.self) } == ["one", "", "three"])
        #expect(run.message(2).subject.description == "a")
    }

    @Test func whatCannotBeWrittenLeavesNothing() throws {
        var run = MessageRun(subject: try Subject("a"))
        run.append { $0 += [1] }
        #expect(throws: Refusal.self) {
            try run.append { bytes throws in
                bytes += [2, 3]
                throw Refusal()
            }
        }
        run.append { $0 += [4] }
        #expect(run.count == 2)
        #expect(run.message(1).payload == [4])
    }
}
