import Testing

@testable import RivuletClient

@Suite struct OwnerGateTests {
    @Test func whoIsInWhenItShutsIsWaitedFor() {
        let gate = OwnerGate()
        #expect(gate.isOpen)
        #expect(gate.enter())
        gate.close()
        #expect(!gate.isOpen)
        #expect(!gate.isClear)
        #expect(!gate.enter())
        gate.leave()
        #expect(gate.isClear)
    }
}
