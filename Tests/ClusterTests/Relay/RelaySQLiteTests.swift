import Foundation
import RivuletBackbone
import RivuletBroker
import RivuletCluster
import RivuletSQLite
import RivuletSubscriptions
import TestSupport
import Testing

@Suite("Brokers that share a SQLite file", .timeLimit(.minutes(2)))
struct RelaySQLiteTests {
    @Test("messages, requests and queue groups cross")
    func crossing() async throws {
        let path = FileManager.default.temporaryDirectory.path + "/rivulet-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(atPath: path) }
        var backbones: [SQLiteBackbone] = []
        for _ in 0..<2 {
            let configuration = SQLiteConfiguration(path: path + "/store.sqlite", lockTimeout: .seconds(60))
            backbones.append(try await SQLiteBackbone.open(configuration, logger: quiet))
        }
        try await withRelay(over: backbones) { nodes in
            let inbox = try nodes[1].subscribe("a.*")
            let members = try nodes.map { try $0.serve("service", queue: "q") }
            try await nodes[0].knows("a.*", of: nodes[1])
            try await nodes[0].knows("service", queue: "q", of: nodes[1])
            for number in 0..<1000 { try nodes[0].publish("a.b", "\(number)") }
            try await until { inbox.all.count == 1000 }
            #expect(inbox.payloads == (0..<1000).map(String.init))
            #expect(try await nodes[0].request("service") == "node.0")
            members[0].cancel()
            #expect(try await nodes[0].request("service") == "node.1")
            members[1].cancel()
            try await nodes[0].knows("service", queue: "q", of: nodes[1], false)
            await #expect(throws: BusError.self) { try await nodes[0].request("service") }
        }
        for backbone in backbones { try await backbone.close() }
    }
}
