import RivuletClient

extension RivuletClient {
    /// Tells a player that the connection was lost, and that it is back; returns when the client closes.
    func tellStatus(_ tell: (String) -> Void) async {
        for await status in status {
            switch status {
            case .disconnected: tell("The connection is lost; trying to get it back …")
            case .reconnected: tell("Connected again.")
            case .lameDuck(let server): tell("\(server) is about to go away.")
            case .slowConsumer, .serverError: tell("The server says: \(status)")
            case .connected, .reconnecting, .closed: break
            }
        }
    }
}
