extension Sequence where Element == String {
    /// The name that is nearest to a wrong one, if any is near.
    package func nearest(to name: String) -> String? {
        let limit = Swift.max(2, name.count / 3)
        return map { (distance: $0.editDistance(to: name), name: $0) }
            .filter { $0.distance <= limit }
            .min { ($0.distance, $0.name) < ($1.distance, $1.name) }?.name
    }
}

extension String {
    /// Insertions, deletions, replacements and swaps of neighbours that lead from one text to another.
    fileprivate func editDistance(to other: String) -> Int {
        let (a, b) = (Array(utf8), Array(other.utf8))
        var rows = [Array(0...b.count)]
        for i in 0..<a.count {
            var row = [i + 1]
            for j in 0..<b.count {
                var best = Swift.min(row[j], rows[i][j + 1]) + 1
                best = Swift.min(best, rows[i][j] + (a[i] == b[j] ? 0 : 1))
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] {
                    best = Swift.min(best, rows[i - 1][j - 1] + 1)
                }
                row.append(best)
            }
            rows.append(row)
        }
        return rows[a.count][b.count]
    }
}
