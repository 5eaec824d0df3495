import FledgeCore
import FledgeTensor
import FledgeTesting
import Foundation
import Testing

/// Operations of routed experts, slices of columns, and rotary pairs that are neighbours, against plain
/// formulas and central differences.
@Suite struct ExpertOperationTests {
    private func check(_ parameters: [Parameter], _ loss: () -> Tensor) {
        let check = GradientCheck(of: parameters, loss)
        #expect(check.passes, "\(check)")
    }

    @Test(arguments: [false, true]) func expertsAreThoseOfTheSoftmax(normalizes: Bool) {
        let scores = sample([5, 7], "scores", scale: 3)
        let routing = Routing(scores, count: 3, normalizes: normalizes)
        let (values, weights) = (scores.doubles(), routing.weights.doubles())
        for token in 0..<5 {
            let row = Array(values[token * 7..<(token + 1) * 7])
            let total = row.reduce(0) { $0 + exp($1) }
            let order = row.indices.sorted { row[$0] > row[$1] }.prefix(3)
            let experts = routing.experts[token * 3..<token * 3 + 3].map { Int($0) }
            #expect(experts == Array(order))
            let picked = order.map { exp(row[$0]) / total }
            let sum = normalizes ? picked.reduce(0, +) : 1
            for (place, probability) in picked.enumerated() {
                #expect(abs(weights[token * 3 + place] - probability / sum) < 1e-12)
            }
        }
    }

    @Test func equalScoresGoToTheFirst() {
        let routing = Routing(Tensor(zeros: [2, 4]), count: 2, normalizes: true)
        #expect(routing.experts == [0, 1, 0, 1])
        #expect(routing.weights.scalars() == [0.5, 0.5, 0.5, 0.5])
    }

    @Test(arguments: [false, true]) func gradientsOfRoutedExperts(normalizes: Bool) {
        let (x, router) = (parameter([4, 3], "x"), parameter([5, 3], "router", scale: 3))
        let experts = (0..<5).map { parameter([3, 3], "expert \($0)") }
        check([x, router] + experts) {
            let routing = Routing(
                linearProduct(x.tracked, router), count: 2, normalizes: normalizes)
            var (outputs, places) = ([Tensor](), [[Int32]]())
            for (index, expert) in experts.enumerated() {
                let own = routing.experts.indices.filter { routing.experts[$0] == Int32(index) }
                    .map { Int32($0) }
                places.append(own)
                outputs.append(linearProduct(x.tracked.gathered(own.map { $0 / 2 }), expert))
            }
            return projected(weightedRows(outputs, places, routing.weights))
        }
    }

    /// Experts · Σ f·p over two routers, and its slopes beside those of what is routed.
    @Test(arguments: [false, true]) func balanceOfRouters(normalizes: Bool) {
        let routers = (0..<2).map { parameter([5, 3], "router \($0)", scale: 3) }
        let x = parameter([4, 3], "x")
        let copies: [[Int]?] = [nil, [2, 1, 1, 3]]
        var expected = 0.0
        check([x] + routers) {
            let balance = RouterBalance()
            var (picks, sums) = ([Double](repeating: 0, count: 5), [Double](repeating: 0, count: 5))
            var (rows, routed) = (0.0, Tensor(zeros: [1], .float64))
            for (router, copies) in zip(routers, copies) {
                let scores = linearProduct(x.tracked, router)
                let routing = Routing(
                    scores, count: 2, normalizes: normalizes, balance: balance, copies: copies)
                routed = routed + projected(routing.weights).reshaped([1])
                let values = scores.doubles()
                for row in 0..<4 {
                    let own = values[row * 5..<row * 5 + 5].map { exp($0) }
                    let (total, weight) = (own.reduce(0, +), Double(copies?[row] ?? 1))
                    rows += weight
                    for expert in 0..<5 { sums[expert] += weight * own[expert] / total }
                    for expert in routing.experts[row * 2..<row * 2 + 2] {
                        picks[Int(expert)] += weight
                    }
                }
            }
            expected = 5 * zip(picks, sums).reduce(0) { $0 + $1.0 * $1.1 } / (rows * rows)
            let found = balance.close(scale: 0.7)
            #expect(abs(found - expected) < 1e-12)
            return routed + Tensor([0.7 * found], shape: [1])
        }
        #expect(RouterBalance().close(scale: 1) == 0)
    }

    @Test func rowsAreScaled() {
        let (x, weights) = (parameter([4, 3], "x"), parameter([4, 1], "weights"))
        check([x, weights]) {
            projected(weightedRows([x.tracked], [[0, 1, 2, 3]], weights.tracked))
        }
        let (values, factors) = (x.value.doubles(), weights.value.doubles())
        let found = weightedRows([x.value], [[0, 1, 2, 3]], weights.value).doubles()
        for index in values.indices {
            #expect(abs(found[index] - values[index] * factors[index / 3]) < 1e-12)
        }
    }

    @Test func slicesOfColumns() {
        let x = parameter([3, 7], "x")
        #expect(x.value.columns(2..<5).shape == [3, 3])
        let values = x.value.doubles()
        var expected: [Double] = []
        for row in 0..<3 { expected += values[row * 7 + 2..<row * 7 + 5] }
        #expect(x.value.columns(2..<5).doubles() == expected)
        check([x]) {
            let parts = [0..<2, 2..<5, 4..<7].map { x.tracked.columns($0) }
            return projected(parts[0]) + projected(parts[1]) * 0.5 + projected(parts[2] * parts[1])
        }
    }

    @Test func columnsAreJoined() {
        let (x, y) = (parameter([3, 2], "x"), parameter([3, 4], "y"))
        let joined = joinedColumns([x.value, y.value])
        #expect(joined.columns(0..<2).doubles() == x.value.doubles())
        #expect(joined.columns(2..<6).doubles() == y.value.doubles())
        check([x, y]) { projected(joinedColumns([x.tracked, y.tracked, x.tracked])) }
        check([y]) { projected(joinedColumns([x.value, y.tracked])) }
    }

    /// Turning neighbours is turning halves of the same channels in another order.
    @Test(arguments: [ElementType.float64, .float32, .bfloat16])
    func neighboursAreTurned(_ type: ElementType) {
        let frequencies = [1, 0.3, 0.01]
        let x = sample([4, 16], "x").converted(to: type)
        let positions: [Int32] = [0, 7, 2, 90]
        // Channels of a head: 6 are turned, 2 are not.
        let order = [0, 2, 4, 1, 3, 5, 6, 7]
        func permuted(_ tensor: Tensor, _ order: [Int]) -> [Double] {
            let values = tensor.doubles()
            return (0..<8).flatMap { head in order.map { values[head * 8 + $0] } }
        }
        let halves = rotaryEmbedded(
            Tensor(permuted(x, order), shape: [4, 16]).converted(to: type),
            RotaryTable(inverseFrequencies: frequencies), positions: positions, headDimension: 8)
        let neighbours = rotaryEmbedded(
            x, RotaryTable(inverseFrequencies: frequencies, pairsNeighbours: true),
            positions: positions, headDimension: 8)
        #expect(permuted(neighbours, order) == halves.doubles())
        let parameter = parameter([4, 16], "x")
        check([parameter]) {
            projected(
                rotaryEmbedded(
                    parameter.tracked,
                    RotaryTable(inverseFrequencies: frequencies, pairsNeighbours: true),
                    positions: positions, headDimension: 8))
        }
    }

    @Test func eachRangeOfTokensHasItsTable() {
        let x = sample([5, 8], "x")
        let tables = [
            RotaryTable(inverseFrequencies: [1, 0.5]), .init(inverseFrequencies: [0.2, 3]),
        ]
        let positions: [Int32] = [0, 1, 2, 0, 9]
        let found = rotaryEmbedded(
            x, [(0..<3, tables[0]), (3..<5, tables[1])], positions: positions, headDimension: 4
        ).doubles()
        let apart = tables.map {
            rotaryEmbedded(x, $0, positions: positions, headDimension: 4).doubles()
        }
        #expect(found == Array(apart[0][..<24]) + Array(apart[1][24...]))
    }
}
