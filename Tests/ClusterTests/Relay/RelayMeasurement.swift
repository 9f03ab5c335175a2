import Foundation
import RivuletBackbone
import RivuletBroker
import RivuletSQLite
import RivuletSubscriptions
import RivuletTesting
import Testing

/// How fast messages cross. Says something only of a build with optimizations, and only where nothing else runs.
@Suite("Speed of the relay", .enabled(if: ProcessInfo.processInfo.environment["RIVULET_MEASURE"] != nil), .serialized)
struct RelayMeasurement {
    @Test("in memory")
    func memory() async throws {
        let backbone = InMemoryBackbone(time: ManualTime())
        try await withRelay(over: [backbone, backbone]) { try await measure($0, "memory") }
    }

    @Test("through SQLite")
    func sqlite() async throws {
        let path = FileManager.default.temporaryDirectory.path + "/rivulet-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(atPath: path) }
        let configuration = SQLiteConfiguration(path: path + "/store.sqlite")
        let backbones = [
            try await SQLiteBackbone.open(configuration, logger: quiet), try await SQLiteBackbone.open(configuration, logger: quiet),
        ]
        try await withRelay(over: backbones) { try await measure($0, "SQLite") }
        for backbone in backbones { try await backbone.close() }
    }

    private func measure(_ nodes: [RelayNode], _ backbone: String) async throws {
        let inbox = try nodes[1].subscribe("a")
        let service = try nodes[1].serve("service")
        try await nodes[0].knows("a", of: nodes[1])
        try await nodes[0].knows("service", of: nodes[1])
        let clock = ContinuousClock()
        var trips: [Duration] = []
        for _ in 0..<100 {
            let start = clock.now
            _ = try await nodes[0].request("service")
            trips.append(clock.now - start)
            try await Task.sleep(for: .milliseconds(5))
        }
        var run = MessageRun(subject: try Subject("a"))
        for _ in 0..<20_000 { run.append { $0 += [UInt8](repeating: 0x78, count: 16) } }
        let start = clock.now
        try await nodes[0].broker.publish(run)
        try await until { inbox.all.count == run.count }
        let rate = Double(run.count) / ((clock.now - start) / .seconds(1))
        print("\(backbone): round trip p50 \(trips.sorted()[50]), \(Int(rate)) messages/s")
        service.cancel()
    }
}
