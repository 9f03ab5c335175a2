/// An address to connect to.
struct WantedOwner: Sendable {
    /// As answers name it.
    let name: String
    let address: ServerAddress
}

/// A connection to the owner of objects.
struct OwnerLink: Sendable {
    /// The address as answers name it.
    let name: String
    /// It does not reconnect.
    let client: RivuletClient
    /// How many messages were sent over it.
    var messages: UInt64 = 0
    /// How many requests wait for an answer over it.
    var underWay = 0
}
