import Fledge
import FledgeTesting
import Foundation
import Testing

/// When activations are recomputed, and how free memory is found.
@Suite struct MemoryPlanTests {
    private func plan(
        _ word: String, available: Int?, tokens: Int = 400, rows: Int = 1,
        evaluated: LargestBatches.Size? = nil, generated: (answers: Int, length: Int)? = nil,
        scored: Int? = nil
    ) throws -> MemoryPlan {
        let configuration = try RunConfiguration(
            yaml: """
                model_name_or_path: m
                template: chatml
                do_train: true
                dataset: tiny
                \(word)
                """, file: "run.yaml", environment: [:])
        let model = try TinyModel.make(TinyProject.configuration)
        try model.attach(LoRA(rank: 2), seed: 0)
        let options = configuration.training
        let sizes = (0..<rows).map { _ in
            LargestBatches.Size(tokens: tokens, supervised: tokens - 1)
        }
        let rule = BatchRule<Int, TokenBatch>(
            batchSize: options.trainBatchSize, length: { _ in tokens },
            collate: { _, _ in TokenBatch(sequences: []) })
        var limited = rule
        limited.mergingLimit = min(options.trainBatchSize * configuration.data.cutoffLength, 1024)
        let epochs = limited.epochs(Array(0..<rows), seed: nil)
        let largest = try #require(
            LargestBatches(
                epochs,
                TrainingPlan(
                    batchesPerEpoch: epochs.batchesPerEpoch,
                    accumulation: options.gradientAccumulationSteps, epochs: 1), sizes: sizes,
                sharesPrefixes: false))
        return MemoryPlan(
            configuration, model, largest: largest, evaluated: evaluated, generated: generated,
            scored: scored.map { (model, $0) }, available: available)
    }

    @Test func automaticRecomputesWhatDoesNotFit() throws {
        let plenty = try plan("", available: 1 << 40)
        #expect(!plenty.recomputesBlocks && plenty.summary.contains("kept, they fit"))
        let little = try plan("", available: 1 << 20)
        #expect(
            little.recomputesBlocks && little.summary.contains("recomputed, keeping them needs"))
        #expect(little.prediction.peak < plenty.prediction.peak)
        #expect(try !plan("", available: nil).recomputesBlocks)
    }

    /// What is computed again makes no evaluation smaller: steps alone decide, and advice names what
    /// needs most.
    @Test func evaluationsDecideNothing() throws {
        let free = 300 << 20
        let run = try RunConfiguration(
            yaml: "model_name_or_path: m\ntemplate: chatml\ndo_train: true\ndataset: tiny",
            file: "run.yaml", environment: [:])
        for (plan, part, key) in [
            (try plan("", available: free), MemoryPlan.Part.step, ""),
            (
                try plan("", available: free, evaluated: .init(tokens: 4_000_000, supervised: 9)),
                .evaluation, "Lower per_device_eval_batch_size or"
            ),
            (
                try plan("", available: free, generated: (64, 1 << 20)), .generation,
                "max_new_tokens"
            ),
            (
                try plan("", available: free, generated: (8, 64), scored: 4_000_000), .scoring,
                "per_device_eval_batch_size, max_new_tokens"
            ),
            (try plan("", available: 1 << 20), .step, "per_device_train_batch_size"),
        ] {
            #expect(plan.most == part)
            #expect(plan.recomputesBlocks == (part == .step && !key.isEmpty), "\(plan.summary)")
            let limit = key.isEmpty || part != .step ? free : 1
            let fault = RunChecks(configuration: run).faults(of: plan, available: limit).first
            #expect(fault?.advice.contains(key) == (key.isEmpty ? nil : true), "\(plan.summary)")
        }
    }

    @Test func keysDecide() throws {
        #expect(try plan("recompute: always", available: 1 << 40).recomputesBlocks)
        #expect(try !plan("recompute: never", available: 0).recomputesBlocks)
        #expect(try !plan("disable_gradient_checkpointing: true", available: 0).recomputesBlocks)
    }

    @Test func longerStepsNeedMore() throws {
        let (short, long) = (
            try plan("", available: nil, tokens: 100), try plan("", available: nil)
        )
        #expect(long.prediction.activations > 3 * short.prediction.activations)
    }

    /// Small micro-batches of a step are computed together.
    @Test func mergedBatchesCount() throws {
        for (word, rows, tokens) in [
            ("", 8, 100), ("gradient_accumulation_steps: 4", 8, 400),
            ("gradient_accumulation_steps: 4", 3, 300),
            ("gradient_accumulation_steps: 4\ncutoff_len: 256", 8, 200),
            ("gradient_accumulation_steps: 64", 64, 1000),
        ] {
            let plan = try plan(
                "per_device_train_batch_size: 1\n" + word, available: nil, tokens: 100, rows: rows)
            #expect(plan.summary.contains(" step of \(tokens) tokens"), "\(word): \(plan.summary)")
        }
    }

    @Test func theSmallestLimitCounts() throws {
        let folder = try TemporaryFolder()
        func write(_ text: String, _ name: String) throws {
            let path = folder.path + "/" + name
            try FileManager.default.createDirectory(
                atPath: (path as NSString).deletingLastPathComponent,
                withIntermediateDirectories: true)
            try text.write(toFile: path, atomically: true, encoding: .utf8)
        }
        let root = folder.path + "/"
        #expect(ProcessMemory.availableBytes(root: root) == nil)
        try write("MemTotal: 900 kB\nMemAvailable:    500 kB\n", "proc/meminfo")
        #expect(ProcessMemory.availableBytes(root: root) == 500 * 1024)
        try write("0::/user/app\n", "proc/self/cgroup")
        try write("max\n", "sys/fs/cgroup/user/app/memory.max")
        try write("1000\n", "sys/fs/cgroup/user/app/memory.current")
        #expect(ProcessMemory.availableBytes(root: root) == 500 * 1024)
        try write("300000\n", "sys/fs/cgroup/user/memory.max")
        try write("100000\n", "sys/fs/cgroup/user/memory.current")
        #expect(ProcessMemory.availableBytes(root: root) == 200_000)
        try write("90000\n", "sys/fs/cgroup/memory/memory.limit_in_bytes")
        try write("80000\n", "sys/fs/cgroup/memory/memory.usage_in_bytes")
        #expect(ProcessMemory.availableBytes(root: root) == 10_000)
        #expect(ProcessMemory.availableBytes() ?? 0 > 0)
    }

    /// The list of mappings is longer than one reading gives.
    @Test func allMappingsAreCounted() throws {
        let bytes = [UInt8](repeating: 1, count: 64 << 20)
        let folder = try TemporaryFolder()
        let paths = (0..<600).map { folder.path + "/\($0)" }
        let files = try paths.map { path in
            try Data([1, 2, 3]).write(to: URL(fileURLWithPath: path))
            return try MappedFile(path: path)
        }
        let touched = files.reduce(0) { $0 + Int($1.bytes[0]) }
        var seen = 0
        let own = try #require(
            ProcessMemory.residentBytes { path in
                let isCounted = !path.hasPrefix(folder.path)
                seen += isCounted ? 0 : 1
                return isCounted
            })
        #expect(touched == files.count && bytes.last == 1)
        #expect(seen == files.count)
        #expect(own > 64 << 20)
    }
}
