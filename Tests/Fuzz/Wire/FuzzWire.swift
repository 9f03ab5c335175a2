import Fuzzing

@main
enum FuzzWire {
    static func main() {
        Fuzzer.run([
            "client": { ClientFrames.check($0) }, "server": { ServerFrames.check($0) }, "headers": { HeaderBlocks.check($0) },
            "json": { Handshakes.check($0) },
        ])
    }
}
