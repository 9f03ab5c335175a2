import Foundation
import Synchronization

private let starting = Mutex(())

extension Process {
    /// Starts what `prepare` describes, and gives what that gives: the pipes that it makes.
    ///
    /// One at a time: Foundation has a process inherit what other threads open while it starts. A pipe whose writing end another process
    /// has too does not end before that one does.
    package static func start<Pipes: Sendable>(_ prepare: (Process) throws -> Pipes) throws -> (process: Process, pipes: Pipes) {
        try starting.withLock { _ in
            let process = Process()
            let pipes = try prepare(process)
            try process.run()
            return (process, pipes)
        }
    }

    package static func start(_ prepare: (Process) throws -> Void) throws -> Process {
        try start { process -> Void in try prepare(process) }.process
    }
}
