import FledgeTensor

let weight = Parameter(
    "weight", Tensor([1, 2, 3, 4] as [Float], shape: [2, 2]), isTrainable: true)
let x = Tensor([1, 1] as [Float], shape: [1, 2])
let (loss, gradients) = valueAndGradients(of: [weight]) { sum(linearProduct(x, weight)) }
precondition(loss.scalar == 10)
precondition(gradients[weight]?.scalars() == [1, 1, 1, 1])
print("FledgeTensor: \(loss.scalar)")
