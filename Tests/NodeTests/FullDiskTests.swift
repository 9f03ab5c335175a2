import Foundation
import Rivulet
import RivuletClient
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(2))) struct FullDiskTests {
    @Test func aFullDiskIsAnErrorAndTheNodeLives() async throws {
        let mounted = try await SmallDisk.with(kibibytes: 4096) { try await fill($0) }
        if !mounted { try Test.cancel("mounting needs root") }
    }

    private func fill(_ disk: SmallDisk) async throws {
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
                try disk.empty()
                let next = try await notebook.ask(Write(text: "y"))
                #expect(next == acknowledged + 1)
            }
        }
    }
}
