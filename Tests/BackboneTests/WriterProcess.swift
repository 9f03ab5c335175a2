import Foundation
import TestSupport

/// StoreWriter as a process of its own.
final class WriterProcess: Sendable {
    /// A turn that it was told is committed.
    struct Acknowledged: Sendable, Hashable {
        let name: String
        let first: UInt64
        let count: UInt64
    }

    let name: String
    private let process: Process
    private let output: FileHandle
    private let exit: AsyncStream<Int32>

    /// Starts a process that commits so many turns of its own object.
    init(store: String, name: String, turns: UInt64) throws {
        let (exit, exited) = AsyncStream.makeStream(of: Int32.self)
        let (process, pipe) = try Process.start { process in
            process.executableURL = URL(fileURLWithPath: try Programs.find("StoreWriter"))
            process.arguments = [store, name, "\(turns)"]
            process.terminationHandler = { process in
                exited.yield(process.terminationStatus)
                exited.finish()
            }
            let pipe = Pipe()
            process.standardOutput = pipe
            return pipe
        }
        (self.name, self.process, self.exit, output) = (name, process, exit, pipe.fileHandleForReading)
    }

    deinit {
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    }

    /// What it is told until its end, and how it ended.
    ///
    /// - Parameter limit: After so many turns it is killed.
    func run(killedAfter limit: Int = .max) async -> (acknowledged: [Acknowledged], status: Int32?) {
        let (name, output, pid) = (name, output, process.processIdentifier)
        let acknowledged = await withCheckedContinuation { (continuation: CheckedContinuation<[Acknowledged], Never>) in
            Thread.detachNewThread {
                var text: [UInt8] = []
                var isKilled = false
                while case let data = output.availableData, !data.isEmpty {
                    text += data
                    guard !isKilled, text.count(where: { $0 == UInt8(ascii: "\n") }) >= limit else { continue }
                    kill(pid, SIGKILL)
                    isKilled = true
                }
                let lines = String(decoding: text, as: UTF8.self).split(separator: "\n")
                continuation.resume(
                    returning: lines.compactMap { line in
                        let numbers = line.split(separator: " ").compactMap { UInt64($0) }
                        return numbers.count == 2 ? Acknowledged(name: name, first: numbers[0], count: numbers[1]) : nil
                    })
            }
        }
        return (acknowledged, await exit.first { _ in true })
    }
}
