/// One publisher's routes by subject: each subject has two places side by side, and comes into the first: what was there goes to the second,
/// and what was there is forgotten.
///
/// The table grows while subjects displace each other, up to a bound, so it is small for most publishers and bounded for all. Places
/// are written over in place: subjects that never come again cost no allocation.
struct RouteCache {
    private struct Place {
        var subject: [UInt8] = []
        var route: SubjectRoute?
    }

    private static let smallest = 16
    private static let largest = 4096
    /// Longer subjects are worked out each time.
    private static let longestSubject = 128

    private var places: [Place] = []
    private var displaced = 0
    /// The place that was used last: it is often asked for twice in a row.
    private var last = 0
    private let seed = UInt64.random(in: .min ... .max)

    /// The route of a subject; made by `make` if there is none that is still true.
    mutating func route(
        for subject: borrowing Span<UInt8>, generation: UInt64, _ make: () -> SubjectRoute
    ) -> SubjectRoute {
        guard subject.count <= Self.longestSubject else { return make() }
        if places.isEmpty { places = Array(repeating: Place(), count: Self.smallest) }
        if let kept = route(in: last, for: subject, generation) { return kept }
        var first = firstPlace(of: subject)
        for number in first...(first + 1) {
            guard let kept = route(in: number, for: subject, generation) else { continue }
            last = number
            return kept
        }
        if isTaken(first, generation), isTaken(first + 1, generation) {
            displaced += 1
            if displaced > places.count, places.count < Self.largest {
                places = Array(repeating: Place(), count: places.count * 4)
                displaced = 0
                first = firstPlace(of: subject)
            }
        }
        if isTaken(first, generation) { places.swapAt(first, first + 1) }
        let made = make()
        places[first].subject.removeAll(keepingCapacity: true)
        subject.withUnsafeBufferPointer { places[first].subject.append(contentsOf: $0) }
        places[first].route = made
        last = first
        return made
    }

    private func firstPlace(of subject: borrowing Span<UInt8>) -> Int { Int(truncatingIfNeeded: hash(subject)) & (places.count - 2) }

    private func route(in number: Int, for subject: borrowing Span<UInt8>, _ generation: UInt64) -> SubjectRoute? {
        guard let kept = places[number].route, kept.generation == generation else { return nil }
        let known = places[number].subject
        return Self.areEqual(known.span, subject) ? kept : nil
    }

    private func isTaken(_ number: Int, _ generation: UInt64) -> Bool { places[number].route?.generation == generation }

    @inline(__always)
    static func areEqual(_ left: borrowing Span<UInt8>, _ right: borrowing Span<UInt8>) -> Bool {
        guard left.count == right.count else { return false }
        return left.withUnsafeBytes { left in
            right.withUnsafeBytes { right in
                var offset = 0
                while offset + 8 <= left.count {
                    let eight = left.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
                    guard eight == right.loadUnaligned(fromByteOffset: offset, as: UInt64.self) else { return false }
                    offset += 8
                }
                while offset < left.count {
                    guard left[offset] == right[offset] else { return false }
                    offset += 1
                }
                return true
            }
        }
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
