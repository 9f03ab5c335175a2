public import ArgumentParser
public import RivuletObjects

/// A server executable: the objects, and nothing else that must be written.
///
/// ```swift
/// @main struct BlackJackServer: NodeCommand {
///     static let objects: [any ServiceObject.Type] = [Casino.self, GameTable.self]
/// }
/// ```
///
/// `--host`, `--port`, `--store`, `--config`, `--log-level` and those for logins, TLS and WebSockets come with it; ``Options`` adds the program's own.
public protocol NodeCommand {
    /// The program's own options.
    associatedtype Options: ParsableArguments = NoOptions

    /// The kinds of objects the node hosts.
    static var objects: [any ServiceObject.Type] { get }

    /// What `--help` says first.
    static var abstract: String { get }

    /// What the objects' turns can ask for, made from the options.
    static func dependencies(_ options: Options) throws -> Dependencies
}

/// No options of the program's own.
public struct NoOptions: ParsableArguments {
    /// None.
    public init() {}
}

extension NodeCommand {
    /// Names the kinds.
    public static var abstract: String {
        "A Rivulet node that hosts \(objects.map { $0.kind }.joined(separator: ", "))."
    }

    /// None.
    public static func dependencies(_ options: Options) throws -> Dependencies { Dependencies() }

    /// Parses the command line and runs the node until SIGTERM or SIGINT.
    public static func main() async {
        await NodeProgram<Self>.main()
    }
}

private struct NodeProgram<Command: NodeCommand>: AsyncParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(commandName: String(describing: Command.self), abstract: Command.abstract)
    }

    @OptionGroup var options: Command.Options
    @OptionGroup(title: "Node options") var node: NodeOptions

    func run() async throws {
        try await node.run(hosting: Command.objects, dependencies: Command.dependencies(options))
    }
}
