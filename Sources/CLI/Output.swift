import Foundation

/// Writes whole lines, at once, so that a pipe's reader sees each as it comes.
enum Output {
    static func line(_ text: String) {
        write(Data((text + "\n").utf8))
    }

    /// A payload as it is, on a line of its own.
    static func payload(_ bytes: [UInt8]) {
        write(Data(bytes + [UInt8(ascii: "\n")]))
    }

    static func note(_ text: String) {
        try? FileHandle.standardError.write(contentsOf: Data((text + "\n").utf8))
    }

    private static func write(_ data: Data) {
        try? FileHandle.standardOutput.write(contentsOf: data)
    }
}
