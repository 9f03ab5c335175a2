import RivuletSubscriptions
import Testing

@Suite struct SystemTimeTests {
    @Test(arguments: [Duration.seconds(Int64.max), .seconds(Int64.max) * 2, .seconds(Int64.min) * 2])
    func anyDeadlineCanBeWaitedFor(_ deadline: Duration) {
        let time = SystemTime()
        time.schedule(at: deadline) {}.cancel()
        time.schedule(at: time.now + deadline) {}.cancel()
    }
}
