/// Lengths of time as nats-server's monitoring writes them.
enum GoDuration {
    /// Whole seconds, in years of 365 days: `3d2h1m40s`.
    static func uptime(_ nanoseconds: Int64) -> String {
        let total = max(0, nanoseconds) / 1_000_000_000
        let (days, hours, minutes, seconds) = (total / 86_400, total / 3600 % 24, total / 60 % 60, total % 60)
        if days >= 365 { return "\(days / 365)y\(days % 365)d\(hours)h\(minutes)m\(seconds)s" }
        if days > 0 { return "\(days)d\(hours)h\(minutes)m\(seconds)s" }
        if hours > 0 { return "\(hours)h\(minutes)m\(seconds)s" }
        return minutes > 0 ? "\(minutes)m\(seconds)s" : "\(seconds)s"
    }

    /// In the unit that suits it: `850ns`, `12.5µs`, `1.25ms`, `2.5s`.
    static func short(_ duration: Duration) -> String {
        let parts = duration.components
        let nanoseconds = Double(parts.seconds) * 1e9 + Double(parts.attoseconds) / 1e9
        func text(_ divisor: Double, _ unit: String) -> String {
            let number = (nanoseconds / divisor * 1000).rounded() / 1000
            return number == number.rounded() ? "\(Int64(number))\(unit)" : "\(number)\(unit)"
        }
        switch nanoseconds {
        case ..<1e3: return text(1, "ns")
        case ..<1e6: return text(1e3, "µs")
        case ..<1e9: return text(1e6, "ms")
        default: return text(1e9, "s")
        }
    }
}
