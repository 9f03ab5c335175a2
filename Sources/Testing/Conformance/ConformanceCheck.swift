import RivuletBackbone

/// One rule of a contract, to be run over a backend in whatever test framework.
///
/// ```swift
/// @Test(arguments: ObjectStoreConformance.all)
/// func keepsTheContract(_ check: ConformanceCheck<StoreFixture>) async throws {
///     try await check.run(on: StoreFixture(store: MyBackbone(time: time), time: time))
/// }
/// ```
public struct ConformanceCheck<Fixture: Sendable>: Sendable, CustomStringConvertible {
    /// The rule, as a sentence.
    public let name: String
    private let body: @Sendable (Fixture) async throws -> Void

    init(_ name: String, _ body: @escaping @Sendable (Fixture) async throws -> Void) {
        self.name = name
        self.body = body
    }

    /// Runs the check; each run wants a fixture of its own with nothing in it.
    ///
    /// - Throws: ``ConformanceFailure`` when the rule does not hold, or what the backend threw.
    public func run(on fixture: Fixture) async throws {
        try await body(fixture)
    }

    /// The rule.
    public var description: String { name }
}

/// A backend does not do what its contract says.
public struct ConformanceFailure: Error, Hashable, CustomStringConvertible {
    /// What was expected and what came.
    public let description: String

    /// A failure.
    public init(_ description: String) {
        self.description = description
    }
}

func expect(_ condition: Bool, _ otherwise: @autoclosure () -> String) throws {
    guard condition else { throw ConformanceFailure(otherwise()) }
}

func expect<Value: Equatable>(_ what: String, _ value: Value, is wanted: Value) throws {
    guard value == wanted else { throw ConformanceFailure("\(what) should be \(wanted), and is \(value)") }
}

func expectError(_ code: StoreError.Code, _ what: String, _ body: () async throws -> Void) async throws {
    do {
        try await body()
    } catch let error as StoreError {
        return try expect(error.code == code, "\(what) should fail with \(code), and failed with \(error.code): \(error)")
    }
    throw ConformanceFailure("\(what) should fail with \(code), and succeeded")
}
