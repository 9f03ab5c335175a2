import Fuzzing
import RivuletWire

/// The JSON of CONNECT and INFO: no bytes trap, and what is read can be written and read back; members that are empty may be left out.
enum Handshakes {
    static func check(_ input: [UInt8]) {
        if let text = (try? ConnectOptions(parsing: input))?.encoded() {
            expect((try? ConnectOptions(parsing: text))?.encoded() == text, "CONNECT is read back as another")
        }
        if let text = (try? ServerInfo(parsing: input))?.encoded() {
            expect((try? ServerInfo(parsing: text))?.encoded() == text, "INFO is read back as another")
        }
    }
}
