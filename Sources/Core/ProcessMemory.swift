internal import Foundation

/// What this process uses of the machine's memory.
public enum ProcessMemory {
    /// The peak resident size in bytes, mapped files included; nil where the system does not tell.
    public static var peakResidentBytes: Int? {
        guard let status = text("/proc/self/status") else { return nil }
        for line in status.split(separator: "\n") where line.hasPrefix("VmHWM:") {
            return line.split(separator: " ").compactMap { Int($0) }.first.map { $0 * 1024 }
        }
        return nil
    }

    /// The resident bytes of this process now: those of its own, and those of the mapped files that
    /// `isCounted` says by their paths; nil where the system does not tell.
    package static func residentBytes(ofFiles isCounted: (String) -> Bool) -> Int? {
        guard let maps = text("/proc/self/smaps") else { return nil }
        var (total, counts) = (0, true)
        for line in maps.split(separator: "\n") {
            if line.hasPrefix("Rss:") {
                let kibibytes = line.split(separator: " ").compactMap { Int($0) }.first ?? 0
                if counts { total += kibibytes * 1024 }
            } else if let first = line.first, first.isHexDigit, !first.isUppercase,
                let slash = line.firstIndex(of: "/")
            {
                counts = isCounted(String(line[slash...]))
            } else if let first = line.first, first.isHexDigit, !first.isUppercase {
                counts = true
            }
        }
        return total
    }

    /// The bytes that this process may still take: what the machine has available, or what the
    /// process's control group allows where that is less; nil where the system does not tell.
    ///
    /// - Parameter root: Where `proc` and `sys` are; for tests.
    public static func availableBytes(root: String = "/") -> Int? {
        let machine = text(root + "proc/meminfo").flatMap { text in
            text.split(separator: "\n").first { $0.hasPrefix("MemAvailable:") }
                .flatMap { $0.split(separator: " ").compactMap { Int($0) }.first }
                .map { $0 * 1024 }
        }
        return ([machine] + groups(root).map { remaining(in: root + "sys/fs/cgroup" + $0) })
            .compactMap { $0 }.min()
    }

    /// The process's control group and those that it lies in, as version 2 names them; `/memory` is
    /// where version 1 has the limit of a container.
    private static func groups(_ root: String) -> [String] {
        let own = text(root + "proc/self/cgroup").flatMap { text in
            text.split(separator: "\n").first { $0.hasPrefix("0::/") }.map { $0.dropFirst(3) }
        }
        var groups = ["", "/memory"]
        var path = ""
        for part in (own ?? "").split(separator: "/") {
            path += "/" + part
            groups.append(path)
        }
        return groups
    }

    private static func remaining(in group: String) -> Int? {
        let names = [
            ("memory.max", "memory.current"),
            ("memory.limit_in_bytes", "memory.usage_in_bytes"),
        ]
        for (limit, usage) in names {
            guard let limit = number(group + "/" + limit), let usage = number(group + "/" + usage)
            else { continue }
            return max(0, limit - usage)
        }
        return nil
    }

    /// Files of the system state no size and come in pieces: what reads by sizes ends too early.
    private static func text(_ path: String) -> String? {
        guard let file = fopen(path, "r") else { return nil }
        defer { fclose(file) }
        var bytes = [UInt8]()
        var piece = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = fread(&piece, 1, piece.count, file)
            guard count > 0 else { return String(decoding: bytes, as: UTF8.self) }
            bytes += piece[..<count]
        }
    }

    private static func number(_ path: String) -> Int? {
        text(path).flatMap { Int($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
    }
}
