import ECGATKGAN
import ECGClassification
import Foundation
import NeuralNetwork
import Testing
import WFDB

/// Trains on a few windows of the demo's record: whether the command does what it says, not how good the weights get.
@Suite(.serialized)
struct TrainCommandTests {
    /// A database of one record, with beats of all four classes where the signal rises most: the training only needs
    /// windows.
    final class Folder {
        let path = NSTemporaryDirectory() + "train-\(UUID().uuidString)"
        var database: String { path + "/database" }
        var output: String { path + "/out.safetensors" }
        var checkpoint: String { output + ".checkpoint" }

        init() throws {
            try FileManager.default.createDirectory(atPath: database, withIntermediateDirectories: true)
            for ending in [".hea", ".dat"] {
                try FileManager.default.copyItem(
                    atPath: ToolProcess.fixture + ending, toPath: "\(database)/208s\(ending)")
            }
            let codes: [AnnotationCode] = [.normal, .prematureVentricular, .fusion, .supraventricular]
            let beats = (0..<160).map { Annotation(sampleIndex: 500 + 600 * Int64($0), code: codes[$0 % 4]) }
            try AnnotationSet(beats).write("208s", annotator: "atr", to: database)
        }

        deinit { try? FileManager.default.removeItem(atPath: path) }

        func arguments(_ recipe: String, _ more: [String] = []) -> [String] {
            [
                "train", "--recipe", recipe, "--database", database, "--output", output, "--normal-beats", "40",
                "--minority-beats", "80", "--epochs", "2",
            ] + more
        }

        func file(_ name: String) -> Data? { FileManager.default.contents(atPath: "\(path)/\(name)") }
    }

    @Test(arguments: ["undefended", "kachuee-2018", "acharya-2017", "shaker-2020", "paper", "discriminator"])
    func everyRecipeWritesWeightsThatCanBeEvaluated(recipe: String) throws {
        let folder = try Folder()
        let outcome = try ToolProcess.run(folder.arguments(recipe))
        #expect(outcome.exitCode == 0, "\(outcome.errors)")
        let (network, sha256, card) = try ModelFile.readNetwork(from: folder.output)
        #expect(outcome.output.contains("out.safetensors: SHA-256 \(sha256)"))
        #expect(card?.command.hasPrefix("ecgmon train --recipe \(recipe) --seed 1 --epochs 2") == true)
        #expect(card?.figures["clean_plain_accuracy_percent"] != nil)
        let suspects = ["paper", "discriminator"].contains(recipe)
        #expect((card?.figures["pgd20_epsilon_0.01_suspicion_auc"] != nil) == suspects)
        #expect(network.architectureIdentifier == (recipe.contains("-20") ? recipe : "ecg-atk-gan-discriminator-1"))
        #expect((folder.file("generator.safetensors") != nil) == (recipe == "paper"))
        if recipe == "paper" { _ = try ModelFile.readGenerator(from: folder.path + "/generator.safetensors") }
        let left = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.contains("checkpoint") }
        #expect(left.isEmpty)
        // Another process gets the same figures from the file.
        let evaluation = try ToolProcess.run([
            "evaluate", "model", "--model", folder.output, "--database", folder.database,
        ])
        let accuracy = try #require(card?.figures["pgd20_epsilon_0.01_plain_accuracy_percent"])
        #expect(evaluation.output.contains("pgd20_epsilon_0.01_plain_accuracy_percent: \(accuracy)"))
    }

    @Test func hardenedRecipeContinuesFromWeightsWithTheGenerator() throws {
        let folder = try Folder()
        let generator = folder.path + "/generator.safetensors"
        try ModelFile.write(Generator(seed: 4), to: generator)
        // The demo's record has too few beats for what the recipe draws: it takes all of them.
        let arguments = folder.arguments("hardened", ["--epochs", "1", "--generator", generator])
        let first = try ToolProcess.run(arguments)
        try #require(first.exitCode == 0, "\(first.errors)")
        let weights = folder.path + "/first.safetensors"
        try FileManager.default.moveItem(atPath: folder.output, toPath: weights)
        try FileManager.default.moveItem(
            atPath: ModelCard.path(besideModel: folder.output), toPath: ModelCard.path(besideModel: weights))
        let second = try ToolProcess.run(arguments + ["--start-from", weights])
        try #require(second.exitCode == 0, "\(second.errors)")
        let card = try ModelFile.readCard(besideModel: folder.output)
        #expect(card.command.hasSuffix("--generator generator.safetensors --start-from first.safetensors"))
        #expect(try ModelFile.readCard(besideModel: weights).sha256 != card.sha256)
        let refused = try ToolProcess.run(arguments + ["--start-from", generator])
        #expect(refused.exitCode == 1)
        #expect(refused.errors.contains("the weights to start from cannot be used"))
    }

    @Test func hardenedRecipeGoesThroughTheScalingAndLeavesTheAttackHead() throws {
        let folder = try Folder()
        let arguments = folder.arguments("hardened", ["--epochs", "1"])
        let first = try ToolProcess.run(arguments)
        try #require(first.exitCode == 0, "\(first.errors)")
        let weights = folder.path + "/first.safetensors"
        try FileManager.default.moveItem(atPath: folder.output, toPath: weights)
        try FileManager.default.moveItem(
            atPath: ModelCard.path(besideModel: folder.output), toPath: ModelCard.path(besideModel: weights))
        let options = ["--through-scaling", "--smoothing-noise", "0.06", "--attack-head-epochs", "0"]
        let second = try ToolProcess.run(arguments + options + ["--start-from", weights])
        try #require(second.exitCode == 0, "\(second.errors)")
        let command = try ModelFile.readCard(besideModel: folder.output).command
        #expect(
            command.hasSuffix(
                "--through-scaling --smoothing-noise 0.06 --smoothing-share 0.4 --attack-head-epochs 0 "
                    + "--start-from first.safetensors"))
        // The classes are trained, the attack head is as it was.
        let before = try ModelFile.readDiscriminator(from: weights).network.store
        let after = try ModelFile.readDiscriminator(from: folder.output).network.store
        for tensor in before.tensors {
            let values = { (store: ParameterStore) in
                Array(UnsafeBufferPointer(start: store.values.pointer + tensor.offset, count: tensor.count))
            }
            if tensor.name.hasPrefix("attack") { #expect(values(before) == values(after), "\(tensor.name)") }
            if tensor.name.hasPrefix("class") { #expect(values(before) != values(after), "\(tensor.name)") }
        }
        let refused = try ToolProcess.run(arguments + options)
        #expect(refused.exitCode != 0 && refused.errors.contains("nothing to stay as"), "\(refused.errors)")
    }

    @Test func splitByPatientsNeedsTheRecordsOfBothParts() throws {
        let folder = try Folder()
        let outcome = try ToolProcess.run(folder.arguments("undefended", ["--split", "patients"]))
        #expect(outcome.exitCode == 1)
        #expect(outcome.errors.contains("record 101 cannot be read"), "\(outcome.errors)")
    }

    @Test(arguments: ["paper", "kachuee-2018"])
    func interruptedTrainingResumesToTheSameWeights(recipe: String) throws {
        let undisturbed = try Folder()
        let stopped = try Folder()
        let more = ["--epochs", "6"]
        #expect(try ToolProcess.run(undisturbed.arguments(recipe, more)).exitCode == 0)
        let process = try ToolProcess(stopped.arguments(recipe, more))
        #expect(process.wait(until: { FileManager.default.fileExists(atPath: stopped.checkpoint) }))
        process.signal(SIGINT)
        let first = process.outcome()
        try #require(first.exitCode == 130, "\(first.errors)")
        #expect(first.errors.contains("the same command goes on from \(stopped.checkpoint)"))
        #expect(stopped.file("out.safetensors") == nil)
        let second = try ToolProcess.run(stopped.arguments(recipe, more))
        #expect(second.exitCode == 0)
        #expect(second.errors.contains("going on from"))
        #expect(stopped.file("out.safetensors") != nil)
        #expect(stopped.file("out.safetensors") == undisturbed.file("out.safetensors"))
        #expect(stopped.file("generator.safetensors") == undisturbed.file("generator.safetensors"))
    }

    @Test func networkSeedChangesTheWeightsButNotTheSplit() throws {
        let one = try Folder()
        let two = try Folder()
        #expect(try ToolProcess.run(one.arguments("undefended")).exitCode == 0)
        #expect(try ToolProcess.run(two.arguments("undefended", ["--network-seed", "2"])).exitCode == 0)
        let first = try ModelFile.readCard(besideModel: one.output)
        let second = try ModelFile.readCard(besideModel: two.output)
        #expect(first.sha256 != second.sha256)
        #expect(first.split == second.split && first.seed == second.seed)
    }

    @Test func nonfiniteLossStopsTrainingAndLeavesNothingBehind() throws {
        let folder = try Folder()
        let outcome = try ToolProcess.run(folder.arguments("undefended", ["--learning-rate", "1e30"]))
        #expect(outcome.exitCode == 1)
        #expect(outcome.errors.contains("the loss is not finite in epoch 1"))
        #expect(folder.file("out.safetensors") == nil)
    }

    @Test func aCheckpointOfAnotherNetworkIsRefusedAndKept() throws {
        let folder = try Folder()
        let process = try ToolProcess(folder.arguments("acharya-2017", ["--epochs", "2000"]))
        let target = folder.checkpoint + ".target"
        #expect(process.wait(until: { FileManager.default.fileExists(atPath: target) }))
        process.signal(SIGINT)
        _ = process.outcome()
        let before = FileManager.default.contents(atPath: target)
        let outcome = try ToolProcess.run(folder.arguments("kachuee-2018", ["--epochs", "2000"]))
        #expect(outcome.exitCode == 1)
        #expect(
            outcome.errors.contains("holds weights of the architecture \"acharya-2017\", not \"kachuee-2018\""),
            "\(outcome.errors)")
        #expect(FileManager.default.contents(atPath: target) == before)
    }

    @Test func aRecordThatIsMissingIsNamed() throws {
        let folder = try Folder()
        try "208s\n209s\n".write(toFile: folder.database + "/RECORDS", atomically: true, encoding: .utf8)
        let outcome = try ToolProcess.run(folder.arguments("undefended"))
        #expect(outcome.exitCode == 1)
        #expect(outcome.errors.contains("record 209s cannot be read"))
    }

    @Test func unwritableFolderIsReportedBeforeTraining() throws {
        let folder = try Folder()
        let outcome = try ToolProcess.run(
            folder.arguments("undefended") + ["--output", folder.path + "/no/x.safetensors"])
        #expect(outcome.exitCode == 1)
        #expect(outcome.errors.contains("nothing can be written to the folder"))
        #expect(!outcome.errors.contains("epoch"))
    }

    /// A limit on the size of files stands in for a full disk: a write fails half way.
    @Test func aFullDiskLeavesTheLastGoodCheckpoint() throws {
        let folder = try Folder()
        let process = try ToolProcess(folder.arguments("undefended", ["--epochs", "2000"]))
        #expect(process.wait(until: { FileManager.default.fileExists(atPath: folder.checkpoint) }))
        process.signal(SIGINT)
        _ = process.outcome()
        let before = FileManager.default.contents(atPath: folder.checkpoint)
        let limited = Process()
        let errors = Pipe()
        limited.executableURL = URL(filePath: "/bin/bash")
        limited.arguments =
            ["-c", "trap '' XFSZ; ulimit -f 64; exec \"$@\"", "bash", ToolProcess.program("ecgmon")]
            + folder.arguments("undefended", ["--epochs", "2000"])
        limited.standardError = errors
        limited.standardOutput = FileHandle.nullDevice
        try limited.run()
        let text = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        limited.waitUntilExit()
        #expect(limited.terminationStatus == 1)
        #expect(text.contains("\(folder.checkpoint)"), "\(text)")
        #expect(before != nil && FileManager.default.contents(atPath: folder.checkpoint) == before)
    }
}
