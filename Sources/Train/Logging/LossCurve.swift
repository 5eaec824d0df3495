import FledgeCore
import Foundation

/// The picture of a metric over the steps of training: raw values, pale, and smoothed ones.
public struct LossCurve: Sendable {
    /// The metric's name.
    public let name: String
    /// Steps and values, without those that are not finite.
    public let points: [(step: Int, value: Double)]

    /// The curve of a metric; points that are no finite numbers are left out.
    public init(name: String, points: [(step: Int, value: Double)]) {
        self.name = name
        self.points = points.filter { $0.value.isFinite }
    }

    /// The curve of a metric in a log.
    public init(name: String, history: [TrainerState.LogEntry]) {
        self.init(
            name: name,
            points: history.compactMap { entry in
                entry.values[name].map { (entry.step, $0) }
            })
    }

    /// `training_loss.png`; a slash in the metric's name becomes an underscore.
    public var fileName: String { "training_" + name.replacing("/", with: "_") + ".png" }

    /// Draws the curves of metrics into a folder; returns the names of those that were not logged.
    public static func write(
        _ names: [String], history: [TrainerState.LogEntry], to folder: String
    ) throws -> [String] {
        var missing = [String]()
        for name in names {
            let curve = LossCurve(name: name, history: history)
            if curve.points.isEmpty {
                missing.append(name)
            } else {
                try AtomicFile.write(try curve.png(), to: folder + "/" + curve.fileName)
            }
        }
        return missing
    }

    /// The reference's smoothing: an exponential mean that is the heavier the more values there are.
    public static func smoothed(_ values: [Double]) -> [Double] {
        guard var last = values.first else { return [] }
        let weight = 1.8 * (1 / (1 + exp(-0.05 * Double(values.count))) - 0.5)
        return values.map { value in
            last = last * weight + (1 - weight) * value
            return last
        }
    }

    /// The bytes of a PNG file.
    ///
    /// - Throws: `FledgeError` in a build without zlib.
    public func png(width: Int = 960, height: Int = 600) throws -> [UInt8] {
        let values = points.map(\.value)
        let steps = points.map { Double($0.step) }
        let plot = Plot(
            width: width, height: height,
            x: Axis(steps, padding: 0.02, wholeNumbers: true), y: Axis(values, padding: 0.06))
        var canvas = ChartCanvas(width: width, height: height)
        plot.drawFrame(on: &canvas, title: "training " + name, name: name)
        func place(_ values: [Double]) -> [(x: Double, y: Double)] {
            zip(steps, values).map { (plot.column($0), plot.row($1)) }
        }
        if !values.isEmpty {
            canvas.line(place(values), width: 2, ChartCanvas.Ink.curve.faded(0.4))
            canvas.line(place(Self.smoothed(values)), width: 3, .curve)
            plot.drawLegend(on: &canvas)
        }
        return try canvas.image.encoded()
    }
}

/// The range of an axis and its labels.
struct Axis {
    let lower: Double
    let upper: Double
    let ticks: [Double]
    private let spacing: Double

    init(_ values: [Double], padding: Double, wholeNumbers: Bool = false) {
        var low = values.min() ?? 0
        var high = values.max() ?? 1
        if low == high {
            let margin = max(abs(low) * 0.1, wholeNumbers ? 1 : 1e-9)
            (low, high) = (low - margin, high + margin)
        }
        let extent = high - low
        lower = low - extent * padding
        upper = high + extent * padding
        // The spacing is 1, 2 or 5 times a power of ten, for about six labels.
        let rough = extent / 6
        let power = pow(10, log10(rough).rounded(.down))
        var spacing =
            [1.0, 2, 5, 10].first { $0 * power >= rough * 0.999 }.map { $0 * power } ?? rough
        if wholeNumbers { spacing = max(1, spacing.rounded()) }
        self.spacing = spacing
        let first = Int((lower / spacing).rounded(.up))
        let last = Int((upper / spacing).rounded(.down))
        ticks = first <= last ? (first...last).map { Double($0) * spacing } : []
    }

    /// A tick's value with as many decimals as the spacing needs.
    func label(_ tick: Double) -> String {
        let magnitude = max(abs(lower), abs(upper))
        guard magnitude < 1e6, magnitude >= 1e-4 else { return String(format: "%.1e", tick) }
        let decimals = max(0, Int((-log10(spacing) - 1e-9).rounded(.up)))
        return String(format: "%.\(decimals)f", tick == 0 ? 0 : tick)
    }
}

/// Where things are in the picture.
private struct Plot {
    let width: Int
    let height: Int
    let x: Axis
    let y: Axis
    private var left: Int {
        24 + (y.ticks.map { ChartCanvas.width(of: y.label($0)) }.max() ?? 0) + 12
    }
    private var right: Int { width - 30 }
    private var top: Int { 56 }
    private var bottom: Int { height - 70 }

    init(width: Int, height: Int, x: Axis, y: Axis) {
        (self.width, self.height, self.x, self.y) = (width, height, x, y)
    }

    func column(_ value: Double) -> Double {
        Double(left) + (value - x.lower) / (x.upper - x.lower) * Double(right - left)
    }

    func row(_ value: Double) -> Double {
        Double(bottom) - (value - y.lower) / (y.upper - y.lower) * Double(bottom - top)
    }

    func drawFrame(on canvas: inout ChartCanvas, title: String, name: String) {
        for tick in x.ticks {
            let column = Int(column(tick))
            canvas.fill(x: column, y: top, width: 1, height: bottom - top, .grid)
            canvas.text(x.label(tick), x: column, y: bottom + 12, alignment: 0.5)
        }
        for tick in y.ticks {
            let row = Int(row(tick))
            canvas.fill(x: left, y: row, width: right - left, height: 1, .grid)
            canvas.text(y.label(tick), x: left - 12, y: row - 7, alignment: 1)
        }
        canvas.fill(x: left, y: top, width: 2, height: bottom - top, .frame)
        canvas.fill(x: left, y: bottom, width: right - left, height: 2, .frame)
        canvas.text(title, x: (left + right) / 2, y: 20, alignment: 0.5)
        canvas.text("step", x: (left + right) / 2, y: height - 30, alignment: 0.5)
    }

    func drawLegend(on canvas: inout ChartCanvas) {
        let start = right - ChartCanvas.width(of: "smoothed") - 12
        for (index, (label, width, opacity)) in [("original", 2.0, 0.4), ("smoothed", 3.0, 1.0)]
            .enumerated()
        {
            let row = top + 12 + index * 26
            canvas.fill(
                x: start - 48, y: row - 6, width: right - start + 48, height: 26,
                .init(red: 255, green: 255, blue: 255, opacity: 0.8))
            canvas.line(
                [(Double(start) - 42, Double(row) + 7), (Double(start) - 12, Double(row) + 7)],
                width: width, ChartCanvas.Ink.curve.faded(opacity))
            canvas.text(label, x: start, y: row)
        }
    }
}
