import Foundation
import Synchronization

/// Runs libFuzzer: `PROGRAM TARGET [options of libFuzzer] [folders or files of inputs]`.
///
/// A target traps on an input that breaks a promise. libFuzzer keeps that input in a file; with the file as argument it is repeated.
public enum Fuzzer {
    /// What is fed.
    public typealias Target = @Sendable ([UInt8]) -> Void

    private static let chosen = Mutex<Target?>(nil)

    /// Feeds the target that the first argument names.
    public static func run(_ targets: KeyValuePairs<String, Target>) -> Never {
        guard let name = CommandLine.arguments.dropFirst().first, let target = targets.first(where: { $0.key == name })?.value else {
            print("usage: \(CommandLine.arguments.first ?? "") \(targets.map(\.key).joined(separator: "|")) [options] [inputs]")
            exit(EX_USAGE)
        }
        chosen.withLock { $0 = target }
        // libFuzzer takes the target's name for the program's.
        var count = CommandLine.argc - 1
        var arguments = CommandLine.unsafeArgv + 1
        exit(
            runDriver(&count, &arguments) { bytes, count in
                let target = Fuzzer.chosen.withLock { $0 }
                target?(Array(UnsafeBufferPointer(start: bytes, count: count)))
                return 0
            })
    }
}

/// Something that must hold whatever the input is.
public func expect(_ holds: Bool, _ promise: @autoclosure () -> String) {
    if !holds { fatalError(promise()) }
}

private typealias Arguments = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>

@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
    _ count: UnsafeMutablePointer<CInt>, _ arguments: UnsafeMutablePointer<Arguments>,
    _ target: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

/// libFuzzer's own main program, which is linked but not run, wants this.
@_cdecl("LLVMFuzzerTestOneInput")
func unusedTarget(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt { 0 }
