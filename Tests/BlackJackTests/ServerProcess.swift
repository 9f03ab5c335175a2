import Foundation
import TestSupport

/// BlackJackServer as a process of its own, on a file that outlives it.
final class ServerProcess: Sendable {
    struct NotFound: Error, CustomStringConvertible {
        let description: String
    }

    let port: Int
    private let process: Process
    private let exit: AsyncStream<Int32>

    var url: String { "nats://127.0.0.1:\(port)" }

    /// Starts a server and waits until it listens.
    ///
    /// - Parameter port: 0 for one that is free.
    init(store: String, port: Int = 0, options: [String] = []) async throws {
        let (exit, exited) = AsyncStream.makeStream(of: Int32.self)
        let (process, output) = try Process.start { process in
            process.executableURL = URL(fileURLWithPath: try Programs.find("BlackJackServer"))
            process.arguments =
                ["--host", "127.0.0.1", "--port", "\(port)", "--store", "sqlite:\(store)", "--log-level", "info"] + options
            process.currentDirectoryURL = URL(fileURLWithPath: store).deletingLastPathComponent()
            process.terminationHandler = { process in
                exited.yield(process.terminationStatus)
                exited.finish()
            }
            let output = Pipe()
            process.standardOutput = output
            process.standardError = output
            return output
        }
        self.process = process
        self.exit = exit
        self.port = try await Self.port(in: output.fileHandleForReading)
    }

    deinit {
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    }

    /// Sends a signal and returns the exit status when the process is gone; nil when that is known already.
    @discardableResult
    func end(with signal: Int32) async -> Int32? {
        kill(process.processIdentifier, signal)
        return await exit.first { _ in true }
    }

    /// Reads the output on a thread of its own, to the end so that the pipe never fills; the line that names the port comes first.
    private static func port(in output: FileHandle) async throws -> Int {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread {
                var text = ""
                var isKnown = false
                while true {
                    let data = output.availableData
                    if data.isEmpty { break }
                    guard !isKnown else { continue }
                    text += String(decoding: data, as: UTF8.self)
                    if let match = text.firstMatch(of: /listening on nats:\/\/[^\s]+:([0-9]+)\s/), let port = Int(match.1) {
                        isKnown = true
                        continuation.resume(returning: port)
                    }
                }
                if !isKnown { continuation.resume(throwing: NotFound(description: "BlackJackServer did not start: \(text)")) }
            }
        }
    }
}
