import RivuletSubscriptions
import TestSupport
import Testing

@Suite struct InterestIndexTests {
    /// Subjects over a small alphabet, so that patterns meet often.
    private func tokens(_ random: inout SeededGenerator, wildcards: Bool) -> String {
        let names = wildcards ? ["a", "b", "cc", "*"] : ["a", "b", "cc", "d"]
        var tokens = (0..<Int.random(in: 1...4, using: &random)).map { _ in names.randomElement(using: &random) ?? "a" }
        if wildcards, Int.random(in: 0..<4, using: &random) == 0 { tokens[tokens.count - 1] = ">" }
        return tokens.joined(separator: ".")
    }

    private struct Subscribed {
        var pattern: String
        var queue: String?
        var entry: InterestIndex<Int>.Entry
    }

    /// NATS's rules, spelled out on strings.
    private func matches(_ pattern: [Substring], _ subject: [Substring]) -> Bool {
        guard let want = pattern.first else { return subject.isEmpty }
        guard let token = subject.first else { return false }
        if want == ">" { return true }
        return (want == "*" || want == token) && matches(Array(pattern.dropFirst()), Array(subject.dropFirst()))
    }

    /// Whether some subject that begins like this and has more tokens matches.
    private func goesOn(_ pattern: [Substring], after prefix: [Substring]) -> Bool {
        guard let want = pattern.first else { return false }
        guard want != ">", let token = prefix.first else { return true }
        return (want == "*" || want == token) && goesOn(Array(pattern.dropFirst()), after: Array(prefix.dropFirst()))
    }

    @Test(arguments: 0..<40 as Range<UInt64>)
    func theIndexFindsWhomANaiveMatcherFinds(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var index = InterestIndex<Int>()
        var subscribed: [Int: Subscribed] = [:]
        for number in 0..<300 {
            if Int.random(in: 0..<3, using: &random) == 0, let (key, gone) = subscribed.randomElement(using: &random) {
                index.remove(gone.entry)
                index.remove(gone.entry)
                subscribed[key] = nil
            } else {
                let pattern = tokens(&random, wildcards: true)
                let queue = [nil, nil, "q1", "q2"].randomElement(using: &random) ?? nil
                let entry = index.insert(try SubjectPattern(pattern), queue: queue, number)
                subscribed[number] = Subscribed(pattern: pattern, queue: queue, entry: entry)
            }
            #expect(index.count == subscribed.count)
            let subject = tokens(&random, wildcards: false)
            let wanted = subscribed.filter { matches($0.value.pattern.split(separator: "."), subject.split(separator: ".")) }
            let route = index.route(for: subject.utf8)
            #expect(route.plain.sorted() == wanted.filter { $0.value.queue == nil }.keys.sorted())
            let groups = Dictionary(grouping: wanted.filter { $0.value.queue != nil }) { $0.value.queue ?? "" }
            #expect(Set(route.groups.map { $0.sorted() }) == Set(groups.values.map { $0.map(\.key).sorted() }))
            #expect(route.isEmpty == wanted.isEmpty)
            let prefix = subject.split(separator: ".").prefix(2)
            let isUnder = subscribed.values.contains { goesOn($0.pattern.split(separator: "."), after: Array(prefix)) }
            #expect(index.contains(under: try Subject(prefix.joined(separator: "."))) { _ in true } == isUnder)
            for entry in wanted.values { #expect(try SubjectPattern(entry.pattern).matches(try Subject(subject))) }
        }
        for gone in subscribed.values { index.remove(gone.entry) }
        #expect(index.count == 0)
        #expect(index.route(for: "a.b".utf8).isEmpty)
    }

    @Test func aRemovedEntryDoesNotTakeItsSuccessorAlong() throws {
        var index = InterestIndex<Int>()
        let first = index.insert(try SubjectPattern("a.b"), 1)
        index.remove(first)
        _ = index.insert(try SubjectPattern("x.y"), 2)
        index.remove(first)
        #expect(index.route(for: "x.y".utf8).plain == [2])
    }

    @Test func restNeedsAtLeastOneToken() throws {
        var index = InterestIndex<Int>()
        _ = index.insert(try SubjectPattern("a.>"), 1)
        #expect(index.route(for: "a".utf8).isEmpty)
        #expect(index.route(for: "a.b".utf8).plain == [1])
        #expect(index.route(for: "a.b.c".utf8).plain == [1])
    }

    @Test func starsWithinATokenAreLiteral() throws {
        var index = InterestIndex<Int>()
        _ = index.insert(try SubjectPattern("a.b*"), 1)
        #expect(index.route(for: "a.b*".utf8).plain == [1])
        #expect(index.route(for: "a.bc".utf8).isEmpty)
    }
}
