import Foundation

/// A file system of its own with little room, for the user that PostgreSQL runs as, where the machine lets us mount one (Linux, as root).
struct SmallDisk {
    let path: String

    /// Mounts it for the time of `body`; false when that is not possible here.
    static func with(kibibytes: Int, _ body: (SmallDisk) async throws -> Void) async throws -> Bool {
        let path = FileManager.default.temporaryDirectory.path + "/rivulet-disk-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(atPath: path) }
        guard run("mount", "-t", "tmpfs", "-o", "size=\(kibibytes)k,uid=postgres,mode=700", "tmpfs", path) else { return false }
        defer { _ = run("umount", "-l", path) }
        try await body(SmallDisk(path: path))
        return true
    }

    /// Takes all room that is left.
    func fill() throws {
        _ = FileManager.default.createFile(atPath: path + "/ballast", contents: nil)
        guard let ballast = FileHandle(forWritingAtPath: path + "/ballast") else { return }
        for size in [65_536, 4096, 1] {
            while (try? ballast.write(contentsOf: Data(count: size))) != nil {}
        }
        try ballast.close()
    }

    /// Gives it back.
    func empty() throws {
        try FileManager.default.removeItem(atPath: path + "/ballast")
    }

    private static func run(_ command: String...) -> Bool {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = command
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return false }
        process.waitUntilExit()
        return process.terminationStatus == 0
    }
}
