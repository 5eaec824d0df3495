internal import FledgeCore
public import FledgeTrain

/// A whole run of training from a configuration, as `fledge train` does it, whatever its method.
///
/// Everything here is built from public parts; copy what you need into a script of your own.
public struct TrainingRecipe {
    let configuration: RunConfiguration
    let announce: (String) -> Void
    let callbacks: [any Callback]
    let stop: StopFlag
    let sharesPrefixes: Bool
    let cache: TokenizedCache
    private let progress: RowProgress?

    /// Creates a run of the method that the configuration names.
    ///
    /// - Parameters:
    ///   - callbacks: What looks on, beside the logs and checkpoints that the configuration asks for.
    ///   - stop: Lets a signal handler end the run after the micro-batch that is under way.
    ///   - sharesPrefixes: Whether what samples of an optimizer step begin with is computed once,
    ///     where no dropout is on. It changes sums by their order only.
    ///   - cache: Where tokenised data and what is computed of them are kept for other runs.
    ///   - announce: Receives a line for everything that the run is about to do.
    ///   - progress: Hears of rows that are tokenised.
    public init(
        _ configuration: RunConfiguration, callbacks: [any Callback] = [],
        stop: StopFlag = StopFlag(), sharesPrefixes: Bool = true,
        cache: TokenizedCache = TokenizedCache(),
        announce: @escaping (String) -> Void = { _ in }, progress: RowProgress? = nil
    ) {
        (self.configuration, self.callbacks) = (configuration, callbacks)
        (self.stop, self.sharesPrefixes, self.announce) = (stop, sharesPrefixes, announce)
        (self.cache, self.progress) = (cache, progress)
    }

    /// Trains, evaluates and writes everything into `output_dir`.
    ///
    /// - Throws: ``FledgeError`` for whatever is missing, damaged or does not fit; with `interrupted`
    ///   after a checkpoint was saved.
    public func run() throws {
        let options = configuration.training
        try configuration.requireTrainable()
        guard options.trains || options.evaluates || options.predicts else {
            throw FledgeError(
                .configuration,
                "There is nothing to do: neither do_train nor do_eval nor do_predict is true.")
        }
        for note in configuration.notes { announce(note) }
        // Before anything is loaded.
        try FolderLock.requireFree(options.outputFolder)
        OutputFolder.recover(options.outputFolder)
        let beginning = try options.trains ? OutputFolder.beginning(of: configuration) : .fresh
        if options.trains {
            OutputFolder.notes(beginning, in: options.outputFolder).forEach(announce)
        }
        try run(configuration.method, beginning)
    }

    private func run<Method: TrainingMethod>(
        _ method: Method, _ beginning: OutputFolder.Beginning
    ) throws {
        let options = configuration.training
        var time: Double?
        if case .resumed(let path) = beginning { time = RunRecord(folder: path)?.time }
        let text = try TextSide(configuration, time: time)
        for note in text.notes { announce(note) }
        let data = try StageData(
            configuration, text, method.recipe(configuration, text), threads: Kernels.threads,
            cache: cache, progress: progress)
        for line in data.summary { announce(line) }
        announceQuirks()
        let faults = data.faults.map(RunFault.init)
        if options.trains { try configuration.requireSound(faults) }
        for fault in faults + RunChecks(configuration: configuration).faults(of: text) {
            announce("Warning: " + fault.summary)
        }
        try requireEvaluable(data, method)
        let digests = try RunDigests(configuration, text)
        let checkpoint = try OutputFolder.open(
            beginning, for: configuration, digests: digests, announce: announce)
        let run = try PreparedRun(
            configuration, method, text, data, sharesPrefixes: sharesPrefixes)
        for note in run.side.checkpoint.notes { announce(note) }
        for fault in run.modelFaults { announce("Warning: " + fault.summary) }
        try text.requireFits(run.side.model)
        if let excess = run.excess { throw excess }
        for line in run.summary + run.parts.notes { announce(line) }
        announce(precision(of: run.side))
        if options.trains { announce(run.memory.summary) }
        run.parts.messages?.listener = announce
        let course = TrainingCourse(recipe: self, run: run, digests: digests)
        guard options.trains else {
            try Folder.create(options.outputFolder)
            let lock = try FolderLock(folder: options.outputFolder)
            return try withExtendedLifetime(lock) {
                try course.evaluate(after: nil)
                try course.predict(after: nil)
            }
        }
        try course.train(beginning, checkpoint)
    }
}

extension RunConfiguration {
    /// Refuses a method that is not there yet, and options that make no sense with it.
    ///
    /// - Throws: ``FledgeError`` that says which.
    func requireTrainable() throws {
        guard method.isTrainable else {
            throw FledgeError(
                .unsupported, "stage: \(method.name) cannot be trained yet.",
                advice: "fledge preprocess writes its rows.")
        }
        try method.check(self)
    }
}
