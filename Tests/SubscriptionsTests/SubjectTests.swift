import RivuletSubscriptions
import TestSupport
import Testing

@Suite struct SubjectTests {
    @Test(arguments: ["", ".", "a.", ".a", "a..b", "a b", "a\tb", "a\nb", "*", "a.*", "a.*.b", ">", "a.>", "a\u{7F}"])
    func whatIsNoSubjectIsRefused(text: String) {
        #expect(throws: SubjectError.self) { try Subject(text) }
    }

    @Test(arguments: ["", "a..b", ">.a", "a.>.b", "a b"])
    func whatIsNoPatternIsRefused(text: String) {
        #expect(throws: SubjectError.self) { try SubjectPattern(text) }
    }

    @Test(arguments: ["a", "a.b", "♠.x", "a*b.c>", "$JS.API", "a.**"])
    func subjectsAreTheirText(text: String) throws {
        #expect(try Subject(text).description == text)
    }

    @Test func subjectsAreComparedByTheirBytes() throws {
        let composed = try Subject("caf\u{E9}")
        let decomposed = try Subject("cafe\u{301}")
        #expect(composed.description == decomposed.description)
        #expect(composed != decomposed)
        #expect(Set([composed, decomposed]).count == 2)
    }
}

@Suite struct SubjectTokenTests {
    @Test(arguments: 0..<200 as Range<UInt64>)
    func anyTextComesBackFromItsToken(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let alphabet: [Character] = ["a", "Z", ".", "*", ">", "%", "/", " ", "\t", "\r\n", "\0", "é", "♠", "👩‍👩‍👧", "2", "E", "\u{7F}"]
        let text = String((0..<Int.random(in: 1...12, using: &random)).compactMap { _ in alphabet.randomElement(using: &random) })
        let token = SubjectToken.encode(text)
        #expect(SubjectToken.decode(token)?.utf8.elementsEqual(text.utf8) == true)
        #expect(try Subject(token).tokens.count == 1)
        let object = ObjectID(kind: text, id: token)
        #expect(ObjectID(object.description) == object)
    }

    @Test(arguments: ["", "%", "%2", "%2G", "a.b", "a b", "*", ">", "%FF", "a/b"])
    func whatNoTextEncodesToIsNil(token: String) {
        #expect(SubjectToken.decode(token) == nil)
    }
}

@Suite struct PositionTests {
    @Test func positionsComeBackFromTheirText() {
        let position = Position(epoch: "a:b", sequence: .max)
        #expect(Position(position.description) == position)
        #expect(Position("nothing") == nil)
        #expect(Position("e:-1") == nil)
    }
}
