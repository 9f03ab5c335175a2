/// Waits until something is so, however long it takes; the suite's time limit ends it.
package func until(_ condition: () async throws -> Bool) async throws {
    while try await !condition() { try await Task.sleep(for: .milliseconds(1)) }
}
