import Foundation
import Rivulet
import RivuletClient
import Testing

@Suite(.timeLimit(.minutes(2))) struct FullDiskTests {
    @Test(.enabled(if: SmallDisk.isPossible, "mounting needs root")) func aFullDiskIsAnErrorAndTheNodeLives() async throws {
        let disk = try SmallDisk(megabytes: 4)
        defer { disk.remove() }
        try await withRunningNode(store: .sqlite(disk.path + "/node.sqlite"), hosting: Notebook.self) { node in
            try await withRivuletClient(node.url) { client in
                let notebook = client.object("Notebook", "a")
                let text = String(repeating: "x", count: 10_000)
                var acknowledged = 0
                acknowledged = try await notebook.ask(Write(text: text))
                try disk.fill()
                var failure: CallError?
                for _ in 0..<200 where failure == nil {
                    do {
                        acknowledged = try await notebook.ask(Write(text: text))
                    } catch let error as CallError {
                        failure = error
                    }
                }
                #expect(failure?.code == .unavailable)
                #expect(failure?.message.contains("full") == true)
                // Nothing acknowledged is lost, nothing else was kept, and it goes on once there is room.
                let kept = try await notebook.ask(Count())
                #expect(kept == acknowledged)
                try disk.makeRoom()
                let next = try await notebook.ask(Write(text: "y"))
                #expect(next == acknowledged + 1)
            }
        }
    }
}

/// A file system of a few megabytes.
struct SmallDisk {
    let path: String

    static let isPossible = getuid() == 0 && FileManager.default.isExecutableFile(atPath: "/usr/bin/mount")

    init(megabytes: Int) throws {
        path = FileManager.default.temporaryDirectory.appending(path: "rivulet-disk-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        try Self.run("/usr/bin/mount", "-t", "tmpfs", "-o", "size=\(megabytes)m", "tmpfs", path)
    }

    /// Leaves no room.
    func fill() throws {
        try Data().write(to: URL(filePath: filler))
        let file = try FileHandle(forWritingTo: URL(filePath: filler))
        defer { try? file.close() }
        for size in [65_536, 4096] {
            while (try? file.write(contentsOf: Data(count: size))) != nil {}
        }
    }

    func makeRoom() throws {
        try FileManager.default.removeItem(atPath: filler)
    }

    func remove() {
        try? Self.run("/usr/bin/umount", path)
        try? FileManager.default.removeItem(atPath: path)
    }

    private var filler: String { path + "/filler" }

    private static func run(_ program: String, _ arguments: String...) throws {
        let process = try Process.run(URL(filePath: program), arguments: arguments)
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw CocoaError(.fileWriteUnknown) }
    }
}
