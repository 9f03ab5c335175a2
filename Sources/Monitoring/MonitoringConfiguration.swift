import Hummingbird

/// Where monitoring is served over HTTP.
public struct MonitoringConfiguration: Sendable, Hashable {
    /// The address to listen at. Loopback by default: what monitoring tells is for those who run the node.
    public var host = "127.0.0.1"
    /// The TCP port; 0 for any that is free.
    public var port = 8222

    /// The defaults.
    public init() {}
}
