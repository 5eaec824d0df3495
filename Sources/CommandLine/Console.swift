import Fledge
import Foundation

/// What the user reads beside results: standard error.
enum Console {
    /// A line about what is about to happen.
    static func announce(_ line: String) { write(line + "\n") }

    /// A sentence about what went wrong.
    static func error(_ text: String) { write("error: \(text)\n") }

    static func write(_ text: String) { MessageStream.write(text) }
}

/// Results: standard output, buffered, with failed writes reported.
struct ResultWriter {
    private let handle: FileHandle
    private var buffer: [UInt8] = []

    init(_ handle: FileHandle = .standardOutput) { self.handle = handle }

    mutating func write(_ text: String) throws {
        buffer += Array(text.utf8)
        if buffer.count > 1 << 16 { try flush() }
    }

    mutating func flush() throws {
        let number = buffer.withUnsafeBytes {
            DescriptorWriter.write($0, to: handle.fileDescriptor)
        }
        guard number == 0 else {
            throw FledgeError(
                .fileAccess,
                "The output cannot be written: \(String(cString: strerror(number))).")
        }
        buffer = []
    }
}
