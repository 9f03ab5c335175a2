import TestSupport
import Testing

@testable import RivuletBroker

/// What a publisher remembers of where its messages go.
@Suite(.timeLimit(.minutes(1)))
struct RouteCacheTests {
    /// Asks for the routes of random subjects, each of which says whose it is.
    ///
    /// - Returns: How many had to be made.
    private func use(_ cache: inout RouteCache, times: Int, subjects: Int, generation: UInt64, _ random: inout SeededGenerator) -> Int {
        var made = 0
        for _ in 0..<times {
            let number = Int.random(in: 0..<subjects, using: &random)
            let subject = Array("obj.Kind.\(number).Message".utf8)
            let route = cache.route(for: subject.span, generation: generation) {
                made += 1
                return SubjectRoute(stripped: number, generation: generation)
            }
            if route.stripped != number || route.generation != generation { Issue.record("the route of another subject") }
        }
        return made
    }

    @Test func aSubjectHasItsOwnRouteOfTheGenerationThatIs() {
        var random = SeededGenerator(seed: 1)
        var cache = RouteCache()
        for generation in 1...3 as ClosedRange<UInt64> {
            _ = use(&cache, times: 20_000, subjects: 10_000, generation: generation, &random)
        }
    }

    @Test func aThousandSubjectsSeldomDisplaceEachOther() {
        var random = SeededGenerator(seed: 2)
        var cache = RouteCache()
        _ = use(&cache, times: 30_000, subjects: 1000, generation: 1, &random)
        let made = use(&cache, times: 20_000, subjects: 1000, generation: 1, &random)
        #expect(made < 1400)
    }
}
