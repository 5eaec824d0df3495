internal import FledgeCore
internal import Foundation

/// An event file that TensorBoard shows: records of protocol buffers, framed by their lengths and
/// masked CRC-32C checksums (TensorFlow's `record_writer` and `event.proto`).
package struct TensorBoardFile {
    private let handle: FileHandle
    private let path: String

    /// Starts a file in a folder, named after time, machine and process as TensorBoard expects it.
    ///
    /// - Throws: ``FledgeError`` when it cannot be written.
    package init(folder: String, time: Double = Date().timeIntervalSince1970) throws {
        try Folder.create(folder)
        let host =
            ProcessInfo.processInfo.hostName.isEmpty
            ? "localhost" : ProcessInfo.processInfo.hostName
        let process = ProcessInfo.processInfo.processIdentifier
        let base = "\(folder)/events.out.tfevents.\(Int(time)).\(host).\(process)"
        var number = 0
        while FileManager.default.fileExists(atPath: "\(base).\(number)") { number += 1 }
        path = "\(base).\(number)"
        guard FileManager.default.createFile(atPath: path, contents: nil),
            let handle = FileHandle(forWritingAtPath: path)
        else {
            throw FledgeError(
                .fileAccess, "The event file cannot be created.", at: .init(file: path))
        }
        self.handle = handle
        try append(Self.record(Self.event(time: time, step: 0, .text(3, "brain.Event:2"))))
    }

    /// Writes numbers of a step.
    ///
    /// - Throws: ``FledgeError`` when they cannot be written.
    package func write(_ values: [(tag: String, value: Double)], step: Int, time: Double) throws {
        try append(
            values.flatMap { tag, value in
                let summary = Self.field(1, Self.text(1, tag) + Self.float(2, Float(value)))
                return Self.record(Self.event(time: time, step: step, .message(5, summary)))
            })
    }

    /// Tells that a run goes on: what was written of this step and later ones is out of date.
    ///
    /// - Throws: ``FledgeError`` when it cannot be written.
    package func restart(atStep step: Int, time: Double) throws {
        // A session log with the status START.
        try append(
            Self.record(Self.event(time: time, step: step, .message(7, Self.integer(1, 1)))))
    }

    private func append(_ bytes: [UInt8]) throws {
        do { try handle.write(contentsOf: Data(bytes)) } catch {
            throw FledgeError(
                .fileAccess, "The event file cannot be written.", at: .init(file: path),
                cause: error)
        }
    }

    // MARK: - Records and messages

    /// What an event tells beside its time and step.
    enum Content {
        case text(Int, String)
        case message(Int, [UInt8])
    }

    /// A record: its length and its bytes, each with a checksum.
    static func record(_ data: [UInt8]) -> [UInt8] {
        let length = littleEndian(UInt64(data.count))
        return length + littleEndian(masked(length)) + data + littleEndian(masked(data))
    }

    static func event(time: Double, step: Int, _ content: Content) -> [UInt8] {
        // Zeros are left out, as protocol buffers have it.
        let head =
            [1 << 3 | 1] + littleEndian(time.bitPattern) + (step == 0 ? [] : integer(2, step))
        switch content {
        case .text(let number, let text): return head + self.text(number, text)
        case .message(let number, let bytes): return head + field(number, bytes)
        }
    }

    /// Checksums of data that hold checksums are masked.
    private static func masked(_ bytes: [UInt8]) -> UInt32 {
        let sum = ChecksumC.of(bytes)
        return (sum >> 15 | sum << 17) &+ 0xA282_EAD8
    }

    private static func field(_ number: Int, _ bytes: [UInt8]) -> [UInt8] {
        [UInt8(number << 3 | 2)] + variable(UInt64(bytes.count)) + bytes
    }

    private static func text(_ number: Int, _ text: String) -> [UInt8] {
        field(number, Array(text.utf8))
    }

    private static func float(_ number: Int, _ value: Float) -> [UInt8] {
        [UInt8(number << 3 | 5)] + littleEndian(value.bitPattern)
    }

    private static func integer(_ number: Int, _ value: Int) -> [UInt8] {
        [UInt8(number << 3)] + variable(UInt64(bitPattern: Int64(value)))
    }

    /// Seven bits a byte, lowest first.
    private static func variable(_ value: UInt64) -> [UInt8] {
        var (rest, bytes) = (value, [UInt8]())
        while rest > 127 {
            bytes.append(UInt8(rest & 127 | 128))
            rest >>= 7
        }
        return bytes + [UInt8(rest)]
    }

    private static func littleEndian(_ value: some FixedWidthInteger) -> [UInt8] {
        withUnsafeBytes(of: value.littleEndian) { Array($0) }
    }
}
