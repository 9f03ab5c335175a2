/// Names for the lives of streams.
package enum StreamEpoch {
    /// A name no other life of any stream has: 64 random bits in hexadecimal.
    package static func make() -> String {
        let digits = String(UInt64.random(in: .min ... .max), radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
