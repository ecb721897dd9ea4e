// SPDX-License-Identifier: MIT
import Foundation
import Testing

/// The Vulkan backend through the program, on whatever device is here. Where there is none, or where it was left out of
/// the build, each test says so and is skipped.
@Suite struct VulkanBackendTests {
    private let folder: TemporaryFolder
    private let embed = ["embed", "p.png", "--size", "24", "--quiet"]
    private let small = ["conformance", "--backend", "vulkan", "--filter"]

    private struct Candidate: Decodable {
        struct Device: Decodable {
            let name: String
            let score: Int
            let reason: String
        }

        let name: String?
        let outcome: String
        let reason: String?
        let score: Int?
        let deviceList: [Device]?
    }

    private static let found: Candidate? = {
        guard let folder = try? TemporaryFolder() else { return nil }
        return try? candidate(in: folder)
    }()

    private static func candidate(in folder: TemporaryFolder, environment: [String: String] = [:]) throws -> Candidate?
    {
        let listing = try Program.built.run(["backends", "--json"], in: folder, environment: environment)
        return try JSONDecoder().decode([Candidate].self, from: Data(listing.output.utf8)).first { $0.name == "vulkan" }
    }

    /// Whether there is a device to test with.
    private var isHere: Bool {
        if Self.found?.outcome == "usable" { return true }
        print("skipped: vulkan cannot run here: \(Self.found?.reason ?? "it was left out of the build")")
        return false
    }

    init() throws {
        folder = try TemporaryFolder()
        try folder.write(try Samples.picture(1), to: "p.png")
    }

    private func embedding(_ environment: [String: String], backend: String = "vulkan") throws -> [Float] {
        let outcome = try Program.built.run(embed + ["--backend", backend], in: folder, environment: environment)
        outcome.expectSuccess()
        return try EmbeddingLine.lines(outcome.output).first?.embedding ?? []
    }

    @Test func `Devices are chosen by number or by a part of their name`() throws {
        guard isHere else { return }
        let devices = try #require(Self.found?.deviceList)
        let name = try #require(devices.first?.name)
        try Program.built.run(embed + ["--backend", "vulkan:0"], in: folder).expectSuccess()
        if devices.count == 1 {
            try Program.built.run(embed + ["--backend", "vulkan:\(name.prefix(6).uppercased())"], in: folder)
                .expectSuccess()
        }
        try Program.built.run(embed + ["--backend", "vulkan:99"], in: folder)
            .expectFailure(69, "cannot use device 99", "there is 0: \(name)")
        try Program.built.run(embed + ["--backend", "vulkan:nonesuch"], in: folder)
            .expectFailure(69, "no device named 'nonesuch'", "0: \(name)")
        try Program.built.run(embed + ["--backend", "vulkan:"], in: folder).expectFailure(64, "NAME:DEVICE")
        let listing = try Program.built.run(["backends", "--verbose"], in: folder)
        #expect(listing.output.contains("device 0  \(name), score"), "\(listing.output)")
    }

    @Test func `A software device scores below the backends of the processor`() throws {
        guard isHere else { return }
        for device in Self.found?.deviceList ?? [] where device.reason.contains("software") {
            #expect((10..<50).contains(device.score))
        }
    }

    @Test func `A machine without driver or loader says so, and the other backends work`() throws {
        guard isHere else { return }
        let driverless = ["VK_DRIVER_FILES": "/nonexistent.json", "VK_ICD_FILENAMES": "/nonexistent.json"]
        try folder.write("no library", to: "broken/libvulkan.so.1")
        let paths = [folder.path("broken"), ProcessInfo.processInfo.environment["LD_LIBRARY_PATH"]].compactMap { $0 }
        let loaderless = ["LD_LIBRARY_PATH": paths.joined(separator: ":")]
        try Program.built.run(embed + ["--backend", "vulkan"], in: folder, environment: driverless)
            .expectFailure(69, "no Vulkan driver", "VK_DRIVER_FILES=/nonexistent.json", "mesa-vulkan-drivers")
        try Program.built.run(embed + ["--backend", "vulkan"], in: folder, environment: loaderless)
            .expectFailure(69, "no Vulkan loader", "file too short", "apt-get install libvulkan1")
        for environment in [driverless, loaderless] {
            #expect(try embedding(environment, backend: "reference").count > 0)
            let candidate = try Self.candidate(in: folder, environment: environment)
            #expect(candidate?.outcome == "cannot run here")
        }
    }

    @Test func `Forms of kernels agree, and each gives the same bits twice`() throws {
        guard isHere else { return }
        let expected = try embedding([:], backend: "reference")
        for form in ["register", "tiled"] {
            let environment = ["BEASTS_VULKAN_VARIANT": form]
            let found = try embedding(environment)
            #expect(try embedding(environment) == found)
            let distance = zip(found, expected).reduce(0) { max($0, abs($1.0 - $1.1)) }
            #expect(found.count == expected.count && distance < 1e-4, "\(form): \(distance)")
        }
        try Program.built.run(
            embed + ["--backend", "vulkan"], in: folder, environment: ["BEASTS_VULKAN_VARIANT": "sideways"]
        ).expectFailure(69, "BEASTS_VULKAN_VARIANT=sideways", "register, tiled, coopmat")
    }

    @Test func `Small ranges and staged transfers give the same numbers`() throws {
        guard isHere else { return }
        let expected = try embedding([:])
        #expect(try embedding(["BEASTS_VULKAN_MEMORY": "staged"]) == expected)
        #expect(try embedding(["BEASTS_VULKAN_RANGE": "65536"]) == expected)
        try Program.built.run(
            embed + ["--backend", "vulkan"], in: folder, environment: ["BEASTS_VULKAN_RANGE": "12"]
        ).expectFailure(69, "BEASTS_VULKAN_RANGE=12", "4096")
    }

    @Test func `A pipeline cache that is damaged or from elsewhere is ignored and written anew`() throws {
        guard isHere else { return }
        let environment = ["BEASTS_VULKAN_CACHE": folder.path("cache")]
        let expected = try embedding(environment)
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path("cache"))
        let file = folder.path("cache/\(try #require(names.first))")
        #expect(names.count == 1)
        let whole = try #require(FileManager.default.contents(atPath: file))
        var foreign = whole
        foreign[20] ^= 0xFF
        var damaged = whole
        damaged[whole.count - 1] ^= 1
        for content in [foreign, damaged, whole.prefix(whole.count / 2), whole.prefix(7), Data()] {
            try Data(content).write(to: URL(fileURLWithPath: file))
            #expect(try embedding(environment) == expected)
            #expect(FileManager.default.contents(atPath: file) == whole)
        }
        // A folder that cannot be made is no failure.
        #expect(try embedding(["BEASTS_VULKAN_CACHE": folder.path("p.png/cache")]) == expected)
        #expect(try embedding(["BEASTS_VULKAN_CACHE": "off"]) == expected)
    }

    /// Silence of the validation layer means something only if it would speak.
    @Test func `The validation layer is silent, and reports a fault that is planted`() throws {
        guard isHere else { return }
        let selfTest = try Program.built.run(
            ["conformance", "--backend", "vulkan", "--validation-self-test"], in: folder)
        guard !selfTest.errors.contains("vulkan-validationlayers") else {
            return print("skipped: the validation layer is not here")
        }
        selfTest.expectSuccess()
        #expect(selfTest.output.contains("VUID-VkBufferCreateInfo-size-00912"), "\(selfTest.output)")
        for mode in ["1", "sync"] {
            let outcome = try Program.built.run(
                small + ["softmax [2", "--validation", mode, "--shuffle", "7"], in: folder)
            #expect(outcome.exitCode == 0, "\(outcome.output)\(outcome.errors)")
            #expect(outcome.output.contains("\nNative: softmax\n"), "\(outcome.output)")
        }
    }

    @Test func `Options of conformance that are for vulkan are refused elsewhere`() throws {
        for option in [["--variant", "tiled"], ["--validation", "1"], ["--validation-self-test"]] {
            try Program.built.run(["conformance", "--backend", "reference"] + option, in: folder)
                .expectFailure(64, "'vulkan'", "'reference'")
        }
        guard isHere else { return }
        let missing = try Program.built.run(small + ["scale", "--variant", "coopmat"], in: folder)
        #expect(missing.exitCode == 2, "\(missing.output)\(missing.errors)")
        #expect(missing.output.contains("has no cooperative matrices"), "\(missing.output)\(missing.errors)")
        try Program.built.run(small + ["matmul [2", "--variant", "tiled"], in: folder).expectSuccess()
    }

    @Test func `Two devices of one name are told apart by their numbers`() throws {
        guard isHere, let name = Self.found?.deviceList?.first?.name, let driver = try softwareDriver() else { return }
        // The loader takes a driver once for each of its files.
        var files: [String] = []
        for number in 0..<2 {
            try folder.write(driver, to: "driver\(number).json")
            files.append(folder.path("driver\(number).json"))
        }
        let environment = [
            "VK_DRIVER_FILES": files.joined(separator: ":"), "VK_ICD_FILENAMES": files.joined(separator: ":"),
        ]
        guard try Self.candidate(in: folder, environment: environment)?.deviceList?.count == 2 else {
            return print("skipped: this loader does not take a driver twice")
        }
        try Program.built.run(embed + ["--backend", "vulkan:\(name.prefix(8))"], in: folder, environment: environment)
            .expectFailure(69, "0: \(name)", "1: \(name)")
        #expect(try embedding(environment, backend: "vulkan:1") == embedding(environment, backend: "vulkan:0"))
    }

    /// The manifest of Mesa's software driver, with the whole path of its library.
    private func softwareDriver() throws -> [UInt8]? {
        let place = "/usr/share/vulkan/icd.d"
        let names = (try? FileManager.default.contentsOfDirectory(atPath: place)) ?? []
        guard let name = names.first(where: { $0.hasPrefix("lvp_icd") }) else {
            print("skipped: Mesa's software driver is not in \(place)")
            return nil
        }
        return FileManager.default.contents(atPath: "\(place)/\(name)").map(Array.init)
    }

    @Test func `A choice of backends starts no software device`() throws {
        guard isHere else { return }
        let nodes = try FileManager.default.contentsOfDirectory(atPath: "/dev")
        guard !nodes.contains(where: { node in ["dri", "nvidia", "kfd", "dxg"].contains { node.hasPrefix($0) } }) else {
            return print("skipped: there may be a GPU here")
        }
        // The loader tells which drivers it loads.
        let talking = ["VK_LOADER_DEBUG": "all"]
        for (backend, isStarted) in [("vulkan", true), ("auto", false)] {
            let outcome = try Program.built.run(
                embed + ["--backend", backend], in: folder, environment: talking)
            outcome.expectSuccess()
            #expect(outcome.errors.contains("libvulkan") == isStarted, "\(backend): \(outcome.errors.prefix(500))")
        }
    }
}
