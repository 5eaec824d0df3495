/// How durations are written, everywhere.
package enum TimeText {
    /// Seconds as `H:MM:SS`, parts of a second cut off, with the days before it when there are any;
    /// what is below zero or no number is nothing.
    package static func clock(_ seconds: Double) -> String {
        let (days, rest) = whole(seconds).quotientAndRemainder(dividingBy: 86_400)
        let time = "\(rest / 3600):\(twoDigits(rest / 60 % 60)):\(twoDigits(rest % 60))"
        guard days > 0 else { return time }
        return "\(days) day\(days == 1 ? "" : "s"), \(time)"
    }

    /// Seconds as somebody would say them: `95 s`, `12 min`, `3 h 20 min`.
    package static func rough(_ seconds: Double) -> String {
        let whole = whole(seconds.rounded())
        return switch whole {
        case ..<120: "\(whole) s"
        case ..<7200: "\(whole / 60) min"
        default: "\(whole / 3600) h \(whole % 3600 / 60) min"
        }
    }

    private static func whole(_ seconds: Double) -> Int {
        seconds.isFinite ? Int(min(max(0, seconds), 1e15)) : 0
    }

    private static func twoDigits(_ number: Int) -> String {
        number < 10 ? "0\(number)" : "\(number)"
    }
}

extension Duration {
    /// The duration in seconds.
    package var inSeconds: Double {
        Double(components.seconds) + Double(components.attoseconds) * 1e-18
    }
}
