import NIOCore
import NIOPosix
import Testing

@testable import RivuletBroker

/// What is done on the thread of an event loop.
@Suite(.timeLimit(.minutes(1)))
struct LoopExecutorTests {
    @Test func worksAreDoneInOrderAndWhatTheyAddAfterThem() async throws {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let thread = try #require(LoopExecutor.of(loop))
        let (steps, step) = AsyncStream.makeStream(of: String.self)
        loop.execute {
            for number in 1...2 {
                thread.afterwards {
                    step.yield("work \(number)")
                    thread.afterwards { step.yield("what work \(number) added") }
                }
            }
            step.yield("what was under way")
        }
        var taken: [String] = []
        for await step in steps.prefix(5) { taken.append(step) }
        #expect(taken == ["what was under way", "work 1", "work 2", "what work 1 added", "what work 2 added"])
    }

    @Test func nothingThatOtherThreadsAddIsLost() async throws {
        let thread = try #require(LoopExecutor.of(MultiThreadedEventLoopGroup.singleton.next()))
        let (works, work) = AsyncStream.makeStream(of: (adder: Int, number: Int).self)
        await withTaskGroup { group in
            for adder in 0..<4 {
                group.addTask { for number in 0..<1000 { thread.afterwards { work.yield((adder, number)) } } }
            }
        }
        var done = [0, 0, 0, 0]
        for await (adder, number) in works.prefix(4000) {
            #expect(number == done[adder])
            done[adder] += 1
        }
    }
}
