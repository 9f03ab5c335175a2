import Foundation

/// A file system of its own with little room, where the machine lets us mount one (Linux, as root).
package struct SmallDisk {
    package let path: String

    /// Mounts it for the time of `body`; false when that is not possible here.
    ///
    /// - Parameter owner: The user to whom alone it belongs; nil for the one who runs the test.
    package static func with(kibibytes: Int, owner: String? = nil, _ body: (SmallDisk) async throws -> Void) async throws -> Bool {
        let path = FileManager.default.temporaryDirectory.path + "/rivulet-disk-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(atPath: path) }
        let options = "size=\(kibibytes)k" + (owner.map { ",uid=\($0),mode=700" } ?? "")
        guard run("mount", "-t", "tmpfs", "-o", options, "tmpfs", path) else { return false }
        defer { _ = run("umount", "-l", path) }
        try await body(SmallDisk(path: path))
        return true
    }

    /// Takes all room that is left.
    package func fill() throws {
        _ = FileManager.default.createFile(atPath: path + "/ballast", contents: nil)
        guard let ballast = FileHandle(forWritingAtPath: path + "/ballast") else { return }
        for size in [65_536, 4096, 1] {
            while (try? ballast.write(contentsOf: Data(count: size))) != nil {}
        }
        try ballast.close()
    }

    /// Gives it back.
    package func empty() throws {
        try FileManager.default.removeItem(atPath: path + "/ballast")
    }

    /// Lets nobody write any more.
    package func makeReadOnly() -> Bool {
        Self.run("mount", "-o", "remount,ro", path)
    }

    private static func run(_ command: String...) -> Bool {
        let process = try? Process.start { process in
            process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
            process.arguments = command
            process.standardError = FileHandle.nullDevice
        }
        guard let process else { return false }
        process.waitUntilExit()
        return process.terminationStatus == 0
    }
}
