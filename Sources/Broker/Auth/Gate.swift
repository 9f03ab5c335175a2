import RivuletWire
import Synchronization

/// Decides who comes in, by the settings that hold now.
final class Gate: Sendable {
    private let current: Mutex<(authenticator: Authenticator, timeout: Duration)>

    init(_ configuration: AuthConfiguration?, timeout: Duration) {
        current = Mutex((Authenticator(configuration), timeout))
    }

    var authenticator: Authenticator { current.withLock { $0.authenticator } }

    /// How long a connection may take to be let in.
    var timeout: Duration { current.withLock { $0.timeout } }

    /// - Parameter timeout: nil to leave it as it is.
    func change(to configuration: AuthConfiguration?, timeout: Duration?) {
        let next = Authenticator(configuration)
        current.withLock { $0 = (next, timeout ?? $0.timeout) }
    }

    /// Something new for a client to sign: 11 random bytes as text, like nats-server's.
    static func makeNonce() -> String {
        TextEncoding.base64.encode((0..<11).map { _ in UInt8.random(in: .min ... .max) })
    }
}
