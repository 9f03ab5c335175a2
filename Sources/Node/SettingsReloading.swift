import Logging
import ServiceLifecycle
import UnixSignals

/// Reads the settings again when the process gets SIGHUP, and has the node use those that may change while it runs.
struct SettingsReloading: Service {
    let options: NodeOptions
    let node: Node
    let logger: Logger

    func run() async throws {
        for await _ in await UnixSignalsSequence(trapping: .sighup).cancelOnGracefulShutdown() {
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
