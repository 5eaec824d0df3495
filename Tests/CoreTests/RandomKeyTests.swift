import FledgeCore
import Testing

@Suite("Keyed randomness")
struct RandomKeyTests {
    @Test func aDrawDependsOnItsKeyAlone() {
        let key = RandomKey(seed: 42).appending("dropout").appending(3)
        var first = KeyedGenerator(key), later = KeyedGenerator(key, counter: 1)
        _ = first.next()
        #expect(first.next() == later.next())
        #expect(key != RandomKey(seed: 42).appending("dropout").appending(4))
        #expect(key != RandomKey(seed: 43).appending("dropout").appending(3))
    }

    @Test func uniformNumbersFillTheUnitInterval() {
        var generator = KeyedGenerator(RandomKey(seed: 1))
        let draws = (0..<10_000).map { _ in generator.uniform() }
        #expect(draws.allSatisfy { $0 >= 0 && $0 < 1 })
        #expect(abs(draws.reduce(0, +) / 10_000 - 0.5) < 0.01)
    }
}
