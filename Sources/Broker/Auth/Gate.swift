import RivuletWire
import Synchronization

/// Decides who comes in, by the settings that hold now.
final class Gate: Sendable {
    private struct Settings {
        var auth: AuthConfiguration?
        var nodeKey: Secret?
        var timeout: Duration
        var authenticator: Authenticator

        init(_ auth: AuthConfiguration?, nodeKey: Secret?, timeout: Duration) {
            self.auth = auth
            self.nodeKey = nodeKey
            self.timeout = timeout
            authenticator = Authenticator(auth, nodeKey: nodeKey)
        }
    }

    private let current: Mutex<Settings>

    init(_ configuration: AuthConfiguration?, timeout: Duration) {
        current = Mutex(Settings(configuration, nodeKey: nil, timeout: timeout))
    }

    var authenticator: Authenticator { current.withLock { $0.authenticator } }

    /// How long a connection may take to be let in.
    var timeout: Duration { current.withLock { $0.timeout } }

    /// Lets other nodes in that say this.
    func admitNodes(saying key: Secret?) {
        current.withLock { $0 = Settings($0.auth, nodeKey: key, timeout: $0.timeout) }
    }

    /// - Parameter timeout: nil to leave it as it is.
    func change(to configuration: AuthConfiguration?, timeout: Duration?) {
        current.withLock { $0 = Settings(configuration, nodeKey: $0.nodeKey, timeout: timeout ?? $0.timeout) }
    }

    /// Something new for a client to sign: 11 random bytes as text, like nats-server's.
    static func makeNonce() -> String {
        TextEncoding.base64.encode((0..<11).map { _ in UInt8.random(in: .min ... .max) })
    }
}
