import CLibFuzzer

/// A part of the library that gets any bytes.
public protocol FuzzTarget: Sendable {
    /// Makes what is needed for all inputs.
    init()

    /// Takes an input; ends the program when a promise is broken.
    func run(_ input: UnsafeRawBufferPointer)

    /// Writes inputs that a search begins with.
    func writeSeeds(_ folder: SeedFolder)
}

extension FuzzTarget {
    /// Lets libFuzzer make inputs, as the program's arguments say.
    public static func main() {
        let target = Self()
        if let seeds = SeedFolder() { target.writeSeeds(seeds) }
        FuzzInput.receiver = target
        var count = CommandLine.argc
        var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? =
            CommandLine.unsafeArgv
        _ = LLVMFuzzerRunDriver(&count, &arguments) { bytes, count in
            FuzzInput.receiver?.run(UnsafeRawBufferPointer(start: bytes, count: count))
            return 0
        }
    }
}

/// libFuzzer's function takes nothing along, so that the target is kept here.
private enum FuzzInput {
    nonisolated(unsafe) static var receiver: (any FuzzTarget)?
}
