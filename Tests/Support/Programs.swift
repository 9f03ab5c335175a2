import Foundation

/// The programs that tests run as processes of their own.
package enum Programs {
    package struct NotBuilt: Error, CustomStringConvertible {
        package let description: String
    }

    /// The path of a program. Those that are built lie beside the test bundle, or a few folders up from the program that runs it.
    package static func find(_ name: String) throws -> String {
        let starts = [Bundle.main.bundleURL, URL(fileURLWithPath: CommandLine.arguments.first ?? "/")] + Bundle.allBundles.map(\.bundleURL)
        for start in starts {
            var folder = start.resolvingSymlinksInPath()
            for _ in 0..<5 {
                let candidate = folder.appendingPathComponent(name)
                if FileManager.default.isExecutableFile(atPath: candidate.path), !candidate.hasDirectoryPath { return candidate.path }
                folder.deleteLastPathComponent()
            }
        }
        throw NotBuilt(description: "\(name) is not built; looked around \(starts.map(\.path))")
    }
}
