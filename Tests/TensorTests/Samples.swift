import FledgeCore
import FledgeTensor

/// Numbers around zero that are the same in every run.
func sample(_ shape: [Int], _ name: String, scale: Double = 1, _ type: ElementType = .float64)
    -> Tensor
{
    var generator = KeyedGenerator(RandomKey(seed: 7).appending(name))
    let count = shape.reduce(1, *)
    let scalars = (0..<count).map { _ in (generator.uniform() * 2 - 1) * scale }
    return Tensor(scalars, shape: shape).converted(to: type)
}

func parameter(_ shape: [Int], _ name: String, scale: Double = 1, _ type: ElementType = .float64)
    -> Parameter
{
    Parameter(name, sample(shape, name, scale: scale, type), isTrainable: true)
}

/// A number that depends on every element of a result in its own way.
func projected(_ x: Tensor) -> Tensor {
    sum(x * sample(x.shape, "projection", scale: 1, x.elementType))
}

func supervision(_ count: Int, rows: Int, vocabulary: Int, weighted: Bool = true) -> Supervision {
    var generator = KeyedGenerator(RandomKey(seed: 9))
    return Supervision(
        rows: (0..<count).map { _ in Int32(generator.next() % UInt64(rows)) },
        targets: (0..<count).map { _ in Int32(generator.next() % UInt64(vocabulary)) },
        weights: (0..<count).map { _ in weighted ? Float(generator.uniform()) : 1 })
}
