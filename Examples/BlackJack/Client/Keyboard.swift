import Foundation
import RivuletClient
import Synchronization

/// What a player presses.
enum Key: Sendable, Hashable {
    /// A letter, in lower case.
    case character(Character)
    /// Return, or an empty line.
    case enter
    /// There will be no more.
    case end
}

/// Reads the player's keys: single ones from a terminal, else the first character of each line.
enum Keyboard {
    /// Whether someone can press keys.
    static var isTerminal: Bool { isatty(STDIN_FILENO) == 1 }

    /// Calls `press` for each key until the input ends. Reading blocks, so it has a thread of its own, as long as the process lives.
    static func read(_ press: @escaping @Sendable (Key) -> Void) {
        let perKey = isTerminal && TerminalMode.readSingleKeys()
        Thread.detachNewThread {
            while let key = perKey ? nextKey() : nextLine() { press(key) }
            press(.end)
        }
    }

    private static func nextKey() -> Key? {
        var byte: UInt8 = 0
        guard Foundation.read(STDIN_FILENO, &byte, 1) == 1 else { return nil }
        switch byte {
        case 4: return nil  // control-D
        case UInt8(ascii: "\n"), UInt8(ascii: "\r"): return .enter
        default: return .character(Character(Character(UnicodeScalar(byte)).lowercased()))
        }
    }

    private static func nextLine() -> Key? {
        readLine().map { line in line.first.map { .character(Character($0.lowercased())) } ?? .enter }
    }
}

/// A terminal that hands over keys as they are pressed, and is put back as it was however the program ends.
private enum TerminalMode {
    private static let original = Mutex<termios?>(nil)

    static func readSingleKeys() -> Bool {
        var mode = termios()
        guard tcgetattr(STDIN_FILENO, &mode) == 0 else { return false }
        original.withLock { $0 = mode }
        atexit { TerminalMode.restore() }
        for number in [SIGINT, SIGTERM, SIGHUP] { exitOrderly(on: number) }
        mode.c_lflag &= ~tcflag_t(ICANON | ECHO)
        return tcsetattr(STDIN_FILENO, TCSANOW, &mode) == 0
    }

    private static func restore() {
        original.withLock { mode in
            guard var saved = mode else { return }
            tcsetattr(STDIN_FILENO, TCSANOW, &saved)
            mode = nil
        }
    }

    private static func exitOrderly(on number: Int32) {
        signal(number, SIG_IGN)
        let source = DispatchSource.makeSignalSource(signal: number)
        source.setEventHandler {
            FileHandle.standardOutput.write(Data("\n".utf8))
            withExtendedLifetime(source) { exit(128 + number) }  // the handler keeps its source
        }
        source.resume()
    }
}
