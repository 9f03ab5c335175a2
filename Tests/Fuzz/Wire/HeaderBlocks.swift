import Fuzzing
import RivuletWire

/// Header blocks: no bytes trap, and what is read can be written and read back.
enum HeaderBlocks {
    static func check(_ input: [UInt8]) {
        guard let headers = try? Headers(parsing: input) else { return }
        let block = headers.encoded()
        expect(block.count == headers.encodedCount, "a header block has another size than it says")
        guard let again = try? Headers(parsing: block) else { return expect(false, "a header block is not read back") }
        expect(again == headers, "a header block is read back as another")
        expect(again.encoded() == block, "a header block is written differently the second time")
        for (name, value) in headers { expect(headers.values(name).contains(value), "a header is not found") }
    }
}
