/// The sizes a parser accepts. Every size on the wire is compared with these before it is used.
public struct WireLimits: Sendable, Hashable {
    /// Most bytes of the arguments on a control line: everything after the operation's name and one separator, without
    /// the line end. nats-server's `max_control_line`: 4096.
    public var controlLine: Int
    /// Most bytes of a message, headers and payload together. nats-server's `max_payload`: 1 MiB.
    public var payload: Int
    /// Most bytes of a message's header block. It is part of the payload, so a larger value than `payload` has no effect.
    public var headers: Int

    /// Limits with nats-server's defaults.
    public init(controlLine: Int = 4096, payload: Int = 1_048_576, headers: Int = 1_048_576) {
        self.controlLine = controlLine
        self.payload = payload
        self.headers = headers
    }

    /// What a server accepts from clients by default.
    public static let server = WireLimits()

    /// What a client accepts from a server: wider, since the server decides; INFO lists every server of a cluster in one
    /// line, and `max_payload` may be raised up to 64 MiB.
    public static let client = WireLimits(controlLine: 65_536, payload: 67_108_864, headers: 67_108_864)
}
