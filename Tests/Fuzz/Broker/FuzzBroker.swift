import Fuzzing

@main
enum FuzzBroker {
    static func main() {
        Fuzzer.run(["connection": { Connections.check($0) }])
    }
}
