#if canImport(Glibc)
    internal import Glibc
#else
    internal import Musl
#endif

/// The time that `strftime_now` tells a template.
public struct JinjaClock: Sendable {
    private let seconds: @Sendable () -> Double
    private let isLocal: Bool

    /// The machine's time in its own zone, as in transformers.
    public static let system = JinjaClock(isLocal: true) {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return Double(now.tv_sec) + Double(now.tv_nsec) / 1e9
    }

    /// A clock that stands still: renderings with it can be repeated.
    ///
    /// - Parameter isLocal: Whether it is read in the machine's zone, and not as universal time.
    public static func fixed(secondsSince1970: Double, isLocal: Bool = false) -> JinjaClock {
        JinjaClock(isLocal: isLocal) { secondsSince1970 }
    }

    /// The time that it tells, in seconds since the beginning of 1970.
    public var secondsSince1970: Double { seconds() }

    /// This clock at the present time, standing still.
    public func stopped() -> JinjaClock {
        .fixed(secondsSince1970: seconds(), isLocal: isLocal)
    }

    private init(isLocal: Bool, _ seconds: @escaping @Sendable () -> Double) {
        (self.isLocal, self.seconds) = (isLocal, seconds)
    }

    /// `datetime.now().strftime(format)`.
    public func text(_ format: String) -> String {
        // From year 1 to year 9999, as in Python.
        let told = seconds()
        let now = told.isNaN ? 0 : min(max(told, -62_135_596_800), 253_402_300_799)
        var whole = time_t(now.rounded(.down))
        var fields = tm()
        if isLocal { localtime_r(&whole, &fields) } else { gmtime_r(&whole, &fields) }
        // Python's own codes; a time without a zone prints nothing for one.
        var replaced = ""
        var scalars = format.unicodeScalars.makeIterator()
        while let scalar = scalars.next() {
            guard scalar == "%", let code = scalars.next() else {
                replaced.unicodeScalars.append(scalar)
                continue
            }
            switch code {
            case "f":
                let fraction = ((now - now.rounded(.down)) * 1e6).rounded()
                let digits = String(Int(min(fraction, 999_999)))
                replaced += String(repeating: "0", count: max(6 - digits.utf8.count, 0)) + digits
            case "z", "Z": break
            default:
                replaced.unicodeScalars.append(scalar)
                replaced.unicodeScalars.append(code)
            }
        }
        // A mark at the end tells an empty result from one that did not fit.
        replaced += "."
        var buffer = [CChar](repeating: 0, count: 256 + replaced.utf8.count * 64)
        let count = strftime(&buffer, buffer.count, replaced, &fields)
        return String(
            decoding: buffer.prefix(max(count - 1, 0)).map { UInt8(bitPattern: $0) },
            as: UTF8.self)
    }
}
