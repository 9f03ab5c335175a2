import RivuletTesting
import Testing

@testable import RivuletObjects

struct TurnEffectsTests {
    @Test(.timeLimit(.minutes(1))) func eachOfManyPublishesCostsTheSame() throws {
        let message = BusMessage(subject: try Subject("plain.a"))
        var effects = OtherEffects()
        // With the square of their number these would be 10^10 copies.
        for _ in 0..<100_000 { effects.publish(message) }
        #expect(effects.publications.count == 100_000)
    }
}
