package import Logging
import Synchronization

/// Keeps the lines that are logged.
package struct LogLines: LogHandler {
    package final class Lines: Sendable {
        private let kept = Mutex<[String]>([])
        package var all: [String] { kept.withLock { $0 } }
        fileprivate func add(_ line: String) { kept.withLock { $0.append(line) } }
    }

    package let lines = Lines()
    package var metadata: Logger.Metadata = [:]
    package var logLevel = Logger.Level.info

    package init() {}

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) { lines.add("\(event.message)") }
}
