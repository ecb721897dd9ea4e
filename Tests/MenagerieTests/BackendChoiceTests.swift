// SPDX-License-Identifier: MIT
import Menagerie
import Testing

@Suite struct BackendChoiceTests {
    @Test(
        "Every spelling is understood",
        arguments: [
            ("auto", BackendChoice.auto), ("reference", .named("reference", device: nil)),
            ("vulkan:1", .named("vulkan", device: 1)), ("libX.so", .file("libX.so", device: nil)),
            ("/opt/a/libX.so:0", .file("/opt/a/libX.so", device: 0)), ("./folder/x", .file("./folder/x", device: nil)),
            ("auto:1", .named("auto", device: 1)), ("a:b", .onDevice("a", deviceName: "b")),
        ])
    func spellings(text: String, choice: BackendChoice) throws {
        #expect(try BackendChoice(text) == choice)
    }

    @Test("Nothing and negative devices are refused", arguments: ["", ":1", "vulkan:-1"])
    func refused(text: String) {
        #expect(throws: MenagerieError.self) { try BackendChoice(text) }
    }
}
