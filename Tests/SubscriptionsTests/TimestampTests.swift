import RivuletSubscriptions
import TestSupport
import Testing

@Suite struct TimestampTests {
    @Test(arguments: [
        (0 as Int64, "1970-01-01T00:00:00.000000000Z"), (-1, "1969-12-31T23:59:59.999999999Z"),
        (951_782_400_000_000_000, "2000-02-29T00:00:00.000000000Z"), (1_798_761_599_123_456_789, "2026-12-31T23:59:59.123456789Z"),
    ])
    func timestampsAreRFC3339(nanoseconds: Int64, text: String) {
        #expect(Timestamp(nanoseconds: nanoseconds).description == text)
        #expect(Timestamp(text)?.nanoseconds == nanoseconds)
    }

    @Test func timestampsComeBackFromTheirText() {
        var random = SeededGenerator(seed: 1)
        for _ in 0..<2000 {
            let time = Timestamp(nanoseconds: Int64.random(in: -8_000_000_000_000_000_000...9_000_000_000_000_000_000, using: &random))
            #expect(Timestamp(time.description) == time)
        }
    }

    @Test(arguments: [
        "", "2026-01-01", "2026-01-01T00:00:00Z", "2026-02-30T00:00:00.000000000Z", "2026-01-01T25:00:00.000000000Z",
        "2026-13-01T00:00:00.000000000Z", "2026-01-01T00:00:00.000000000+", "+026-01-01T00:00:00.000000000Z",
        "9999-01-01T00:00:00.000000000Z", "2026-01-01T00:00:00.-00000001Z",
    ])
    func anythingElseIsNil(text: String) {
        #expect(Timestamp(text) == nil)
    }
}
