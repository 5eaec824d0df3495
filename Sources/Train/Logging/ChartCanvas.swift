/// A white image that lines and text are drawn on.
struct ChartCanvas {
    /// A colour with its opacity.
    struct Ink {
        var red: Double
        var green: Double
        var blue: Double
        var opacity = 1.0

        static let text = Ink(red: 60, green: 60, blue: 60)
        static let grid = Ink(red: 228, green: 228, blue: 228)
        static let frame = Ink(red: 140, green: 140, blue: 140)
        static let curve = Ink(red: 31, green: 119, blue: 180)

        func faded(_ opacity: Double) -> Ink {
            var ink = self
            ink.opacity = opacity
            return ink
        }
    }

    private(set) var image: PNGImage

    init(width: Int, height: Int) { image = PNGImage(width: width, height: height) }

    /// Fills a rectangle of whole pixels.
    mutating func fill(x: Int, y: Int, width: Int, height: Int, _ ink: Ink) {
        for row in max(0, y)..<max(0, min(image.height, y + height)) {
            for column in max(0, x)..<max(0, min(image.width, x + width)) {
                blend(row * image.width + column, ink, 1)
            }
        }
    }

    /// Draws a line through points; where it crosses itself it is not darker than elsewhere.
    mutating func line(_ points: [(x: Double, y: Double)], width: Double, _ ink: Ink) {
        var cover = [Double](repeating: 0, count: image.width * image.height)
        let ends =
            points.count == 1 ? [(points[0], points[0])] : Array(zip(points, points.dropFirst()))
        let radius = width / 2
        for (start, end) in ends {
            let reach = radius + 1
            let rows = Self.range(start.y, end.y, reach, image.height)
            let columns = Self.range(start.x, end.x, reach, image.width)
            let (dx, dy) = (end.x - start.x, end.y - start.y)
            let length = dx * dx + dy * dy
            for row in rows {
                for column in columns {
                    let (px, py) = (Double(column) + 0.5 - start.x, Double(row) + 0.5 - start.y)
                    let t = length > 0 ? min(max((px * dx + py * dy) / length, 0), 1) : 0
                    let (ex, ey) = (px - t * dx, py - t * dy)
                    // A pixel that the edge runs through is covered in part.
                    let covered = min(max(radius + 0.5 - (ex * ex + ey * ey).squareRoot(), 0), 1)
                    let index = row * image.width + column
                    cover[index] = max(cover[index], covered)
                }
            }
        }
        for index in cover.indices where cover[index] > 0 { blend(index, ink, cover[index]) }
    }

    /// Draws a text of one line; `alignment` is where `x` lies in it, from 0 (left) to 1 (right).
    mutating func text(_ text: String, x: Int, y: Int, size: Int = 2, alignment: Double = 0) {
        let left = x - Int(Double(Self.width(of: text, size: size)) * alignment)
        for (place, character) in text.enumerated() {
            for (column, bits) in ChartFont.columns(of: character).enumerated() {
                for row in 0..<ChartFont.height where bits >> row & 1 == 1 {
                    fill(
                        x: left + (place * (ChartFont.width + 1) + column) * size,
                        y: y + row * size, width: size, height: size, .text)
                }
            }
        }
    }

    /// The width of a text in pixels.
    static func width(of text: String, size: Int = 2) -> Int {
        max(0, text.count * (ChartFont.width + 1) - 1) * size
    }

    private static func range(
        _ a: Double, _ b: Double, _ reach: Double, _ limit: Int
    ) -> Range<Int> {
        let lower = min(max(min(a, b) - reach, 0), Double(limit))
        let upper = min(max(max(a, b) + reach, lower), Double(limit))
        return Int(lower)..<Int(upper.rounded(.up))
    }

    private mutating func blend(_ pixel: Int, _ ink: Ink, _ cover: Double) {
        let weight = ink.opacity * cover
        for (channel, value) in [ink.red, ink.green, ink.blue].enumerated() {
            let index = pixel * 3 + channel
            let old = Double(image.pixels[index])
            image.pixels[index] = UInt8((old + (value - old) * weight).rounded())
        }
    }
}
