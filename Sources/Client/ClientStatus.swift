/// What happens to a client's connection.
public enum ClientStatus: Sendable, CustomStringConvertible {
    /// Connected, for the first time.
    case connected(ServerAddress)
    /// The connection is gone. Requests under way have failed; what is published now waits.
    case disconnected(ClientError)
    /// All known servers are being tried, for the `round`-th time.
    case reconnecting(round: Int)
    /// Connected again; all subscriptions are in place. Messages published meanwhile by others were missed.
    case reconnected(ServerAddress)
    /// The server is about to go away. If another one is known the client moves there, once requests under way are answered; it does
    /// not wait longer than two seconds for that.
    case lameDuck(ServerAddress)
    /// The server says that this client reads too slowly, and ends the connection.
    case slowConsumer
    /// The server complained, in these words.
    case serverError(String)
    /// The client is closed for good; the last status.
    case closed

    /// A sentence for people.
    public var description: String {
        switch self {
        case .connected(let server): "connected to \(server)"
        case .disconnected(let reason): "disconnected: \(reason)"
        case .reconnecting(let round): "reconnecting, round \(round)"
        case .reconnected(let server): "reconnected to \(server)"
        case .lameDuck(let server): "\(server) is about to go away"
        case .slowConsumer: "the server finds this client too slow"
        case .serverError(let text): "the server complained: \(text)"
        case .closed: "closed"
        }
    }
}
