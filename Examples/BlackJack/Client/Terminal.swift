import BlackJackContract
import Foundation
import Synchronization

/// Where the game is shown: lines, and on a terminal a last line that is written over.
struct Terminal: Sendable {
    /// Whether lines can be written over.
    let isTerminal: Bool
    /// Colours only on a terminal, and not against the wish of <https://no-color.org>.
    let style: TableView.Style
    private let shown = Shown()

    private final class Shown: Sendable {
        let status = Mutex(Status(""))
    }

    init() {
        let environment = ProcessInfo.processInfo.environment
        isTerminal = isatty(STDOUT_FILENO) == 1 && environment["TERM"] != "dumb"
        style = isTerminal && environment["NO_COLOR", default: ""].isEmpty ? .coloured : .plain
    }

    /// Prints lines above the status line.
    func show(_ lines: [String]) {
        guard !lines.isEmpty else { return }
        shown.status.withLock { status in
            let text = lines.joined(separator: "\n") + "\n"
            if isTerminal, status != Status("") {
                write("\r\u{1B}[K" + text + status.text + status.countdown)
            } else {
                write(text)
            }
        }
    }

    /// Replaces the status line; without a terminal a new text is a line of its own.
    func show(_ status: Status) {
        shown.status.withLock { shown in
            guard shown != status else { return }
            if isTerminal {
                write("\r\u{1B}[K" + status.text + status.countdown)
            } else if shown.text != status.text, !status.text.isEmpty {
                write(status.text + status.countdown + "\n")
            }
            shown = status
        }
    }

    private func write(_ text: String) {
        FileHandle.standardOutput.write(Data(text.utf8))
    }
}
