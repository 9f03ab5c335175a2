/// One connection's routes by subject: each subject has one place, which it takes from another subject if it must.
///
/// The table grows while subjects displace each other, up to a bound, so it is small for most connections and bounded for all.
struct RouteCache {
    private static let smallest = 16
    private static let largest = 4096

    private var slots: [SubjectRoute?] = []
    private var displaced = 0
    private let seed = UInt64.random(in: .min ... .max)

    /// The route of a subject; made by `make` if there is none that is still true.
    mutating func route(
        for subject: borrowing Span<UInt8>, generation: UInt64, _ make: () -> SubjectRoute
    ) -> SubjectRoute {
        if slots.isEmpty { slots = Array(repeating: nil, count: Self.smallest) }
        let place = Int(truncatingIfNeeded: hash(subject)) & (slots.count - 1)
        if let kept = slots[place] {
            if kept.isFor(subject) {
                if kept.generation == generation { return kept }
            } else if kept.generation == generation {
                displaced += 1
            }
        }
        let made = make()
        if displaced > slots.count, slots.count < Self.largest {
            slots = Array(repeating: nil, count: slots.count * 4)
            displaced = 0
            slots[Int(truncatingIfNeeded: hash(subject)) & (slots.count - 1)] = made
        } else {
            slots[place] = made
        }
        return made
    }

    /// Multiplies and folds eight bytes at a time. Collisions cost their maker's own connection only, so this need not be strong.
    private func hash(_ subject: borrowing Span<UInt8>) -> UInt64 {
        subject.withUnsafeBytes { bytes in
            var hash = seed ^ UInt64(truncatingIfNeeded: bytes.count)
            var offset = 0
            while offset + 8 <= bytes.count {
                hash = Self.mix(hash ^ bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
                offset += 8
            }
            var rest: UInt64 = 0
            while offset < bytes.count {
                rest = rest << 8 | UInt64(bytes[offset])
                offset += 1
            }
            return Self.mix(hash ^ rest)
        }
    }

    private static func mix(_ value: UInt64) -> UInt64 {
        let product = value.multipliedFullWidth(by: 0x9e37_79b9_7f4a_7c15)
        return product.high ^ product.low
    }
}
