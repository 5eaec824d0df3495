internal import Foundation

/// What this process uses of the machine's memory.
public enum ProcessMemory {
    /// The peak resident size in bytes, mapped files included; nil where the system does not tell.
    public static var peakResidentBytes: Int? {
        guard let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8) else {
            return nil
        }
        for line in status.split(separator: "\n") where line.hasPrefix("VmHWM:") {
            return line.split(separator: " ").compactMap { Int($0) }.first.map { $0 * 1024 }
        }
        return nil
    }
}
