import RivuletWire
import TestSupport
import Testing

struct UserKeyTests {
    @Test func aKeyIsReadAndWrittenAsNKeysAre() throws {
        let text = "UCK5N7N66OBOINFXAYC2ACJQYFSOD4VYNU6APEJTAVFZB2SVHLKGEW7L"
        #expect(try UserKey(text).description == text)
        #expect(try UserSeed("SUAMLK2ZNL35WSMW37E7UD4VZ7ELPKW7DHC3BWBSD2GCZ7IUQQXZIORRBU").bytes.count == 32)
    }

    @Test(arguments: [
        "", "U", "UCK5N7N66OBOINFXAYC2ACJQYFSOD4VYNU6APEJTAVFZB2SVHLKGEW7A", "UCK5N7N66OBOINFXAYC2ACJQYFSOD4VYNU6APEJTAVFZB2SVHLKGEW7",
        "UCK5N7N66OBOINFXAYC2ACJQYFSOD4VYNU6APEJTAVFZB2SVHLKGEW7LA", "uck5n7n66obOINFXAYC2ACJQYFSOD4VYNU6APEJTAVFZB2SVHLKGEW7L",
        "ADZSKP7YIAAFCRWT4L45JIUCHIHJ6PAPJBRS53D2KFOOWD6KXDT6MRKA", "SUAMLK2ZNL35WSMW37E7UD4VZ7ELPKW7DHC3BWBSD2GCZ7IUQQXZIORRBU",
    ])
    func whatIsNoUsersKeyIsRefused(text: String) {
        #expect(throws: KeyError.self) { try UserKey(text) }
    }

    @Test(arguments: [
        "SAAOJQN257MAWBMY6YKUFZT3X7CAUO73OGZ7ZN74ZG24AEFJZRZRXTGXCA", "UCK5N7N66OBOINFXAYC2ACJQYFSOD4VYNU6APEJTAVFZB2SVHLKGEW7L",
        "SUAMLK2ZNL35WSMW37E7UD4VZ7ELPKW7DHC3BWBSD2GCZ7IUQQXZIORRBV",
    ])
    func whatIsNoUsersSeedIsRefusedAndNotRepeated(text: String) {
        let error = #expect(throws: KeyError.self) { try UserSeed(text) }
        #expect(error?.description.contains(text) == false)
    }

    @Test func aSeedDoesNotShow() throws {
        let seed = try UserSeed("SUAMLK2ZNL35WSMW37E7UD4VZ7ELPKW7DHC3BWBSD2GCZ7IUQQXZIORRBU")
        var dumped = ""
        dump(seed, to: &dumped)
        #expect("\(seed) \(String(reflecting: seed)) \(dumped)".contains { $0.isNumber } == false)
    }

    @Test func bytesComeBackFromText() {
        var generator = SeededGenerator(seed: 7)
        for length in 0..<70 {
            let bytes = (0..<length).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
            #expect(TextEncoding.base32.decode(TextEncoding.base32.encode(bytes)) == bytes)
            #expect(TextEncoding.base64.decode(TextEncoding.base64.encode(bytes)) == bytes)
        }
        #expect(TextEncoding.base64.encode(Array("fo\u{0}".utf8)) == "Zm8A")
        #expect(TextEncoding.base64.decode("+/8=") == [0xfb, 0xff])
        #expect(TextEncoding.base64.decode("-_8") == [0xfb, 0xff])
        #expect(TextEncoding.base64.decode("a") == nil)
        #expect(TextEncoding.base64.decode("a\n==") == nil)
    }
}
