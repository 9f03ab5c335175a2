/// What following the owners of objects may cost.
struct OwnerLimits: Sendable {
    /// How many objects are remembered that are not called over the main connection.
    var objects = 10_000
    /// How many connections there may be to owners.
    var connections = 16
    /// How long an address is left alone to which there is no connection, or not any more.
    var retryAfter = Duration.seconds(30)
    /// How long a connection is kept that nobody uses; at most twice that.
    var idle = Duration.seconds(60)
}
