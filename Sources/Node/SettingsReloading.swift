import Logging
import ServiceLifecycle
import UnixSignals

/// Reads the settings again when the process gets SIGHUP, and has the node use those that may change while it runs. SIGUSR1, at which
/// nats-server opens its log file anew, is taken and means nothing: there is no log file.
struct SettingsReloading: Service {
    let options: NodeOptions
    let node: Node
    let logger: Logger

    func run() async throws {
        for await signal in await UnixSignalsSequence(trapping: .sighup, .sigusr1).cancelOnGracefulShutdown() {
            guard signal == .sighup else {
                logger.debug("SIGUSR1 is ignored, since the log is no file")
                continue
            }
            do {
                let settings = try NodeSettings.resolve(options).node.broker
                try await node.reload(tls: settings.tls, webSocket: settings.webSocket?.tls)
                node.reload(auth: settings.auth, timeout: settings.authenticationTimeout)
                logger.notice("settings read again")
            } catch {
                logger.error("settings are wrong, and stay as they were", metadata: ["error": "\(error)"])
            }
        }
    }
}
