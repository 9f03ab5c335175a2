import Testing

@testable import RivuletClient

@Suite struct OwnerAddressesTests {
    @Test func aConnectionIsMadeOnce() {
        var addresses = OwnerAddresses(connections: 2)
        #expect(addresses.see("a:1", now: .zero) == .fresh)
        #expect(addresses.see("a:1", now: .zero) == .unusable)
        #expect(addresses.connected("a:1") == 1)
        #expect(addresses.see("a:1", now: .zero) == .connected(1))
    }

    @Test func whatCouldNotBeReachedIsLeftAloneForAWhile() {
        var addresses = OwnerAddresses(connections: 2)
        #expect(addresses.see("a:1", now: .zero) == .fresh)
        addresses.ended("a:1", avoidedUntil: .seconds(30))
        #expect(addresses.see("a:1", now: .seconds(29)) == .unusable)
        #expect(addresses.see("a:1", now: .seconds(30)) == .fresh)
        addresses.ended("a:1", avoidedUntil: nil)
        #expect(addresses.see("a:1", now: .seconds(30)) == .fresh)
    }

    @Test func thereAreNoMoreConnectionsThanAllowed() {
        var addresses = OwnerAddresses(connections: 2)
        #expect(addresses.see("a:1", now: .zero) == .fresh)
        #expect(addresses.see("b:1", now: .zero) == .fresh)
        #expect(addresses.see("c:1", now: .zero) == .unusable)
        addresses.ended("a:1", avoidedUntil: nil)
        #expect(addresses.see("c:1", now: .zero) == .fresh)
    }

    @Test func inventedAddressesFillNothing() {
        var addresses = OwnerAddresses(connections: 2)
        var tried = 0
        for number in 0..<1000 where addresses.see("a:\(number)", now: .zero) == .fresh {
            addresses.ended("a:\(number)", avoidedUntil: .seconds(30))
            tried += 1
        }
        #expect(tried < 100)
        #expect(addresses.see("b:1", now: .seconds(30)) == .fresh)
    }
}
