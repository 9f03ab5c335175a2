import RivuletMonitoring
import Testing

@Suite struct MonitoringTests {
    @Test func theDefaultIsLoopback() {
        #expect(MonitoringConfiguration().host == "127.0.0.1")
    }
}
